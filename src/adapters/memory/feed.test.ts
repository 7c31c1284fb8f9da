import { expect, test } from 'bun:test';
import { feedContract } from '../../../tests/conformance/feed.contract.ts';
import { openMemoryFeed } from './feed.ts';

feedContract('in process', async () => {
  const feed = openMemoryFeed(() => {});
  return [feed, feed];
});

test('a listener that throws is reported', async () => {
  const bugs: unknown[] = [];
  const feed = openMemoryFeed((error) => bugs.push(error));
  const bug = new Error('a bug of a listener');
  feed.subscribe({
    decided() {
      throw bug;
    },
  });
  feed.announceDecided(['p']);
  expect(bugs).toEqual([bug]);
  await feed.close();
});

test('after closing nobody hears anything', async () => {
  const feed = openMemoryFeed(() => {});
  const heard: unknown[] = [];
  feed.subscribe({ standing: (standing) => heard.push(standing), decided: (ids) => heard.push(ids) });
  await feed.close();
  feed.announce([{ productId: 1, version: 1, available: 1 }]);
  feed.announceDecided(['p']);
  expect(heard).toEqual([]);
});
