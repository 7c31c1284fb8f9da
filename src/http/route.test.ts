import { expect, test } from 'bun:test';
import { openApiDocument } from './openapi.ts';
import { routesOf } from './route.ts';

const route = routesOf('about', 'problem');
const handle = () => new Response();

test('a route is described in full, or does not compile', () => {
  const routes = [
    route('GET /things/:thingId', {
      id: 'readThing',
      summary: 'A thing',
      params: { thingId: { schema: { type: 'string' } } },
      answers: { 304: 'It is as it was', 404: '`not_found`' },
      handle: (req) => new Response(req.params.thingId),
    }),
    // @ts-expect-error: without a summary
    route('GET /things', { id: 'listThings', answers: {}, handle }),
    // @ts-expect-error: without answers
    route('GET /things', { id: 'listThings', summary: 'All things', handle }),
    // @ts-expect-error: without words for what its path leaves open
    route('PUT /things/:thingId', { id: 'writeThing', summary: 'A new thing', answers: {}, handle }),
    route('GET /', {
      id: 'index',
      summary: 'None',
      // @ts-expect-error: a parameter that its path has not
      params: { thingId: { schema: {} } },
      answers: {},
      handle,
    }),
  ];
  expect(openApiDocument(routes.slice(0, 1), '1', 0).paths['/things/{thingId}']).toMatchObject({
    get: {
      parameters: [
        { in: 'path', name: 'thingId', required: true },
        { in: 'header', name: 'If-None-Match', required: false },
      ],
      responses: {
        '304': { description: 'It is as it was' },
        '404': { content: { 'application/problem+json': {} } },
      },
    },
  });
});
