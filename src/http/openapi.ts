import { ACTUATOR_PATHS } from './openapi/actuator-paths.ts';
import { ASYNC_PATHS } from './openapi/async-paths.ts';
import { withExamplesAsOf } from './openapi/example-times.ts';
import { OPS_PATHS } from './openapi/ops-paths.ts';
import { ORDER_PATHS } from './openapi/order-paths.ts';
import { COMPONENTS, type Operation, type Paths, ref } from './openapi/parts.ts';
import { PRODUCT_PATHS } from './openapi/product-paths.ts';
import { STREAM_PATHS } from './openapi/stream-paths.ts';
import { SYNC_PATHS } from './openapi/sync-paths.ts';
import { ErrorAnswer } from './schemas.ts';

/**
 * The API as OpenAPI 3.1. Its schemas are the ones that validate (schemas.ts). A test compares its paths with the routes
 * of the server, and answers of a running server with its schemas. What its examples have ahead of them is ahead of `nowMs`.
 */
export function openApiDocument(version: string, nowMs: number): OpenApiDocument {
  return withExamplesAsOf(recorded(version), nowMs);
}

function recorded(version: string): OpenApiDocument {
  return {
    openapi: '3.1.0',
    info: { title: 'PulseCart', version, license: { name: 'MIT', identifier: 'MIT' }, description: ABOUT },
    tags: [
      { name: 'sync', description: 'The answer is the outcome.' },
      { name: 'async', description: 'The answer is a tracking id; the outcome follows.' },
      { name: 'orders', description: 'What was bought, and its payment.' },
      { name: 'products', description: 'What is sold, and when. Everybody reads, operators change.' },
      { name: 'live', description: 'What changes, told as it changes.' },
      { name: 'operations', description: 'What operators see of the service, and do about what went wrong.' },
      { name: 'actuator', description: 'Health and metrics in the shapes that Spring Boot clients read.' },
      { name: 'about', description: 'This document, for people and for programs.' },
    ],
    paths: withDefault({
      ...SYNC_PATHS,
      ...ASYNC_PATHS,
      ...ORDER_PATHS,
      ...PRODUCT_PATHS,
      ...STREAM_PATHS,
      ...OPS_PATHS,
      ...ACTUATOR_PATHS,
      ...OWN_PATHS,
    }),
    components: { ...COMPONENTS, schemas: withoutIds(COMPONENTS.schemas) },
  };
}

export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: object;
  readonly tags: readonly object[];
  readonly paths: Paths;
  readonly components: {
    readonly schemas: Readonly<Record<string, object>>;
    readonly [kind: string]: object;
  };
}

const ABOUT = `A flash sale: limited units, a crowd of buyers, and every answer true.

JSON in and out, timestamps in ISO 8601 UTC, amounts in minor units. Errors carry \`message\` and \`code\`. A wrong method
is answered 405 with \`Allow\`, an unknown path 404. GET routes answer HEAD, too, and every path answers OPTIONS with \`Allow\`. A body is UTF-8 and not compressed. An
\`X-Request-Id\` comes back with the answer, and stands in the log.`;

const CONDITIONAL = [
  { name: 'If-None-Match', in: 'header', required: false, schema: { type: 'string' } },
] as const;
const NOT_MODIFIED = { description: 'Nothing changed since the version in If-None-Match' };

const OWN_PATHS: Paths = {
  '/': {
    get: {
      operationId: 'index',
      tags: ['about'],
      summary: 'Where things are',
      description: 'A short page for browsers, JSON for everybody else, by `Accept`.',
      responses: {
        '200': {
          description: 'Links',
          content: {
            'application/json': {
              schema: {
                type: 'object',
                required: ['name', 'version', 'links'],
                properties: {
                  name: { const: 'pulsecart' },
                  version: { type: 'string' },
                  links: { type: 'object', additionalProperties: { type: 'string' } },
                },
              },
            },
            'text/html': { schema: { type: 'string' } },
          },
        },
      },
    },
  },
  '/docs': {
    get: {
      operationId: 'docs',
      tags: ['about'],
      summary: 'This document, for people',
      parameters: CONDITIONAL,
      responses: {
        '200': { description: 'One page', content: { 'text/html': { schema: { type: 'string' } } } },
        '304': NOT_MODIFIED,
      },
    },
  },
  '/openapi.json': {
    get: {
      operationId: 'openapi',
      tags: ['about'],
      summary: 'This document',
      parameters: CONDITIONAL,
      responses: {
        '200': {
          description: 'OpenAPI 3.1',
          content: { 'application/json': { schema: { type: 'object' } } },
        },
        '304': NOT_MODIFIED,
      },
    },
  },
};

/** What every operation may answer when something of ours breaks. */
const INTERNAL_ERROR = {
  description: '`internal_error`',
  content: { 'application/json': { schema: ref(ErrorAnswer) } },
};

function withDefault(paths: Paths): Paths {
  return mapValues(paths, (methods) =>
    mapValues(methods as Record<string, Operation>, (operation) => ({
      ...operation,
      responses: { ...operation.responses, default: INTERNAL_ERROR },
    })),
  );
}

/** An `$id` would make the references inside a schema relative to it. */
function withoutIds(schemas: Readonly<Record<string, object>>): Record<string, object> {
  return mapValues(schemas, (schema) => {
    const { $id: _, ...rest } = schema as { $id?: string };
    return rest;
  });
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, change: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
