/** @jsxImportSource preact */
import { hydrate } from 'preact';
import { readPageData } from '../client/page-data.ts';
import { noteReturn } from '../client/stripe.ts';
import { Shop, type ShopData } from './shop.tsx';

noteReturn();
hydrate(<Shop data={readPageData<ShopData>()} />, document.getElementById('page')!);
