import type { OpenApiDocument } from '../openapi.ts';
import { curlOf } from './curl.ts';
import type {
  Components,
  Content,
  Described,
  DescribedHeader,
  DescribedOperation,
  DescribedParameter,
} from './described.ts';
import { describe, type Field, fieldsOf, limitsOf, typeOf } from './fields.ts';

/**
 * The API as a reader wants it: groups of operations, each with what goes in, what comes out, and a command to try. Read
 * from the OpenAPI document alone; the page at /docs and docs/reference/http-api.md are two ways of writing it down.
 */
export interface Guide {
  readonly title: string;
  readonly version: string;
  readonly about: string;
  /** How operators prove who they are. */
  readonly operators: string;
  readonly groups: readonly Group[];
  readonly shapes: readonly Shape[];
}

/** The operations of one tag. */
export interface Group {
  readonly name: string;
  readonly description: string;
  readonly operations: readonly GuideOperation[];
}

export interface GuideOperation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly summary: string;
  readonly description: string;
  readonly forOperators: boolean;
  /** In the path, the query and the headers. */
  readonly parameters: readonly Parameter[];
  readonly body: Body | null;
  readonly answers: readonly Answer[];
  /** A command that makes the request. */
  readonly curl: string;
}

export interface Parameter extends Field {
  readonly place: 'path' | 'query' | 'header';
}

export interface Body {
  readonly mediaType: string;
  readonly type: string;
  readonly description: string;
  readonly fields: readonly Field[];
  readonly examples: readonly Example[];
}

export interface Answer {
  /** `200`, or `default` for any that is not named. */
  readonly status: string;
  readonly description: string;
  readonly headers: readonly Field[];
  readonly bodies: readonly Body[];
}

export interface Example {
  readonly name: string;
  /** As it travels: JSON, indented, or text. */
  readonly text: string;
}

/** A schema with a name, which bodies refer to. */
export interface Shape {
  readonly name: string;
  readonly description: string;
  readonly type: string;
  readonly fields: readonly Field[];
}

export function readGuide(document: OpenApiDocument): Guide {
  const { info, tags, paths, components } = document as unknown as Described;
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
    operators: components.securitySchemes.operator?.description ?? '',
    groups: tags.map(({ name, description = '' }) => ({
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

function readOperation(
  method: string,
  path: string,
  described: DescribedOperation,
  components: Components,
): GuideOperation {
  const parameters = (described.parameters ?? []).map(readParameter);
  const body = bodiesOf(described.requestBody?.content, components)[0] ?? null;
  // An empty requirement among them says that others may call it, too.
  const forOperators = described.security?.every((one) => Object.keys(one).length > 0) ?? false;
  const { operationId: id, summary, description = '' } = described;
  const operation = { id, method, path, summary, description, forOperators, parameters, body };
  const answers = Object.entries(described.responses).map(([status, answer]) => ({
    status,
    description: answer.description,
    headers: Object.entries(answer.headers ?? {}).map(([name, header]) =>
      readHeader(name, header, components),
    ),
    bodies: bodiesOf(answer.content, components),
  }));
  return { ...operation, answers, curl: curlOf(operation, described.parameters ?? [], answers) };
}

function readParameter({
  name,
  in: place,
  required = false,
  description,
  schema,
}: DescribedParameter): Parameter {
  return {
    place,
    name,
    required,
    type: typeOf(schema),
    limits: limitsOf(schema),
    description: description ?? describe(schema),
    fields: [],
  };
}

function readHeader(name: string, header: DescribedHeader, { headers }: Components): Field {
  const { description = '', schema = {} } = headers[header.$ref?.split('/').at(-1) ?? ''] ?? header;
  return { name, required: true, type: typeOf(schema), limits: limitsOf(schema), description, fields: [] };
}

/** Each body with the words and the fields of the shape that it refers to. */
function bodiesOf(content: Content | undefined, { schemas }: Components): Body[] {
  return Object.entries(content ?? {}).map(([mediaType, { schema, example, examples = {} }]) => {
    const shape = schemas[schema.$ref?.split('/').at(-1) ?? ''] ?? schema;
    return {
      mediaType,
      type: typeOf(schema),
      description: describe(shape),
      fields: fieldsOf(shape),
      examples: [
        ...(example === undefined ? [] : [{ name: 'example', text: written(example) }]),
        ...Object.entries(examples).map(([name, { value }]) => ({ name, text: written(value) })),
      ],
    };
  });
}

function written(example: unknown): string {
  return typeof example === 'string' ? example : JSON.stringify(example, null, 2);
}
