/** @jsxImportSource preact */
import { hydrate } from 'preact';
import { readPageData } from '../client/page-data.ts';
import { Shop, type ShopData } from './shop.tsx';

hydrate(<Shop data={readPageData<ShopData>()} />, document.getElementById('page')!);
