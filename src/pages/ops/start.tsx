/** @jsxImportSource preact */
import { hydrate } from 'preact';
import { readPageData } from '../client/page-data.ts';
import type { DataOf } from '../shapes.ts';
import { Console } from './console.tsx';

hydrate(<Console data={readPageData<DataOf<'ops'>>()} />, document.getElementById('page')!);
