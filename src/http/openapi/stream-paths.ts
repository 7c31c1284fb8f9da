import { STREAM_EVENTS, STREAM_ORDERS_MAX, STREAM_PRODUCTS_MAX } from '../schemas/stream.ts';
import { ProductId } from '../schemas.ts';
import { inQuery, type Paths, problemAnswer, ref } from './parts.ts';
import { STREAM_EXAMPLE } from './stream-examples.ts';

const events = Object.entries(STREAM_EVENTS)
  .map(([name, { schema, when }]) => `| \`${name}\` | [${nameOf(schema)}](${ref(schema).$ref}) | ${when} |`)
  .join('\n');

const DESCRIPTION = `Server-Sent Events, for \`EventSource\` and whatever else reads lines.

| event | its data | when |
|---|---|---|
${events}

A product is told of at most 20 times a second, 4 times when many watch: what changed in between is left out, the last value
always comes. Its \`version\` only rises. An \`id\` is what was seen with it, versions by product; sent back as \`Last-Event-ID\`
(a browser does that by itself) it keeps the next snapshot, from whichever server, from being older. Whoever does not read gets
a \`snapshot\` in place of what was missed, and is disconnected after a minute. Lines that begin with a colon say every 15
seconds that the connection stands.`;

export const STREAM_PATHS: Paths = {
  '/api/v1/stock/stream': {
    get: {
      operationId: 'streamStock',
      tags: ['live'],
      summary: 'Units, sales and orders as they change',
      description: DESCRIPTION,
      parameters: [
        listIn('products', ProductId, STREAM_PRODUCTS_MAX, 'Product ids', true),
        listIn(
          'order',
          { type: 'string', format: 'uuid' },
          STREAM_ORDERS_MAX,
          'Order ids, or tracking ids',
          false,
        ),
        {
          name: 'Last-Event-ID',
          in: 'header',
          required: false,
          schema: { type: 'string' },
          description: 'The last `id` that came; what cannot be read is ignored',
        },
      ],
      responses: {
        '200': {
          description: 'Events until somebody goes',
          content: {
            'text/event-stream': {
              // Without a type: some readers hold this against the stream as text, and some against each of its events.
              schema: { description: 'Events, as lines of text' },
              examples: { events: { value: STREAM_EXAMPLE } },
            },
          },
        },
        '400': problemAnswer(
          `\`invalid_request\`: no product, one that is no id, more than ${STREAM_PRODUCTS_MAX} products or ${STREAM_ORDERS_MAX} orders`,
        ),
        '404': problemAnswer('`unknown_product`, or `not_found`: an order id that was never issued'),
        '429': problemAnswer('`too_many_streams` from this address', ['Retry-After']),
        '503': problemAnswer(
          '`overloaded`: too many streams in all. `unavailable`: the ledger could not be asked',
          ['Retry-After'],
        ),
      },
    },
  },
};

function listIn(
  name: string,
  items: object,
  maxItems: number,
  description: string,
  required: boolean,
): object {
  const schema = {
    type: 'array',
    items,
    minItems: required ? 1 : 0,
    maxItems,
    ...(required && { examples: [[1, 2]] }),
  };
  return {
    ...inQuery(name, schema, `${description}, at most ${maxItems}, with commas between them`, required),
    style: 'form',
    explode: false,
  };
}

function nameOf(schema: object): string {
  return (schema as { $id: string }).$id;
}
