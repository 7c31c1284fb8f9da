import type { ApiContent, ApiOperation, ApiParameter, ApiResponse, OpenApiDocument } from '../openapi.ts';
import type { HeaderName } from '../route.ts';
import { exampleOf, exampleRequest, roleFor } from './example-request.ts';
import { describe, type Field, fieldsOf, limitsOf, type Schema, typeOf } from './fields.ts';
import { samplesOf } from './samples.ts';

export type Guide = ReturnType<typeof readGuide>;
/** The operations of one tag. */
export type Group = Guide['groups'][number];
export type GuideOperation = Group['operations'][number];
export type Answer = GuideOperation['answers'][number];
export type Body = Answer['bodies'][number];
export type Example = Body['examples'][number];
/** A schema with a name, which bodies refer to. */
export type Shape = Guide['shapes'][number];

type Components = OpenApiDocument['components'];

/**
 * The API as a reader wants it: groups of operations, each with what goes in, what comes out, and a command to try. Read
 * from the OpenAPI document alone; the page at /docs and docs/reference/http-api.md are two ways of writing it down.
 */
export function readGuide({ info, tags, paths, components }: OpenApiDocument) {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      tag: operation.tags[0],
      operation: readOperation(method.toUpperCase(), path, operation, components),
    })),
  );
  return {
    title: info.title,
    version: info.version,
    about: info.description,
    /** How operators prove who they are. */
    operators: components.securitySchemes.operator.description,
    groups: tags.map(({ name, description }) => ({
      name,
      description,
      operations: operations.filter(({ tag }) => tag === name).map(({ operation }) => operation),
    })),
    shapes: Object.entries(components.schemas).map(([name, schema]) => ({
      name,
      description: schema.description ?? '',
      type: typeOf(schema),
      fields: fieldsOf(schema),
    })),
  };
}

function readOperation(method: string, path: string, operation: ApiOperation, components: Components) {
  const {
    operationId,
    summary,
    description = '',
    security,
    parameters = [],
    requestBody,
    responses,
  } = operation;
  const request = exampleRequest(method, path, operation);
  return {
    id: operationId,
    method,
    path,
    summary,
    description,
    forOperators: request.forOperators,
    role: roleFor(operation),
    /** Operators may call it for others, too, and then bring their token. */
    takesToken: security !== undefined,
    /** In the path, the query and the headers. */
    parameters: parameters.map(readParameter),
    body: bodiesOf(requestBody?.content, components)[0] ?? null,
    answers: Object.entries(responses).map(([status, answer]) => readAnswer(status, answer, components)),
    /** Code that makes the request, in each language. */
    samples: samplesOf(request),
    isStream: request.answer === 'stream',
  };
}

function readParameter(parameter: ApiParameter) {
  const { name, in: place, required = false, description, schema } = parameter;
  return {
    place,
    ...readField(name, required, schema, description ?? describe(schema)),
    example: exampleOf(parameter),
  };
}

/** Of `200`, say, or of `default` for any that is not named. */
function readAnswer(
  status: string,
  { description, headers = {}, content }: ApiResponse,
  components: Components,
) {
  return {
    status,
    description,
    headers: (Object.keys(headers) as HeaderName[]).map((name) => {
      const { schema, description } = components.headers[name];
      return readField(name, true, schema, description);
    }),
    bodies: bodiesOf(content, components),
  };
}

function readField(name: string, required: boolean, schema: Schema, description: string): Field {
  return { name, required, type: typeOf(schema), limits: limitsOf(schema), description, fields: [] };
}

/** Each body with the words and the fields of the shape that it refers to. */
function bodiesOf(content: ApiContent = {}, { schemas }: Components) {
  return Object.entries(content).map(([mediaType, { schema, example, examples = {} }]) => {
    const shape = schemas[schema.$ref?.split('/').at(-1) ?? ''] ?? schema;
    const named = { ...(example !== undefined && { example: { value: example } }), ...examples };
    return {
      mediaType,
      type: typeOf(schema),
      description: describe(shape),
      fields: fieldsOf(shape),
      /** As they travel: JSON, indented, or text. */
      examples: Object.entries(named).map(([name, { value }]) => ({
        name,
        text: typeof value === 'string' ? value : JSON.stringify(value, null, 2),
      })),
    };
  });
}
