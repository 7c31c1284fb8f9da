import type { Validator } from 'typebox/compile';
import { Compile } from 'typebox/compile';

/** What a served OpenAPI document says of its operations, with every reference in place. */

export interface ApiOperation {
  readonly id: string;
  readonly method: string;
  /** With its parameters in braces. */
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly body: Body | null;
  readonly isForOperators: boolean;
  readonly answers: ReadonlyMap<number, DescribedAnswer>;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly schema: Schema;
  readonly check: Validator;
}

export interface Body {
  readonly required: boolean;
  readonly schema: Schema;
  readonly check: Validator;
}

export interface DescribedAnswer {
  readonly headers: readonly string[];
  /** By media type. */
  readonly contents: ReadonlyMap<string, Validator>;
  /** Whether it comes in shapes that need not have all the headers. */
  readonly hasSeveralShapes: boolean;
}

/** As much of JSON Schema as the document uses. */
export interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
}

export function readOperations(document: unknown): ApiOperation[] {
  const { paths } = inPlace(document, document) as { paths: Record<string, Record<string, RawOperation>> };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, raw]) => ({
      id: raw.operationId,
      method: method.toUpperCase(),
      path,
      parameters: (raw.parameters ?? []).map((parameter) => ({
        ...parameter,
        required: parameter.required ?? false,
        check: compile(parameter.schema),
      })),
      body: bodyOf(raw),
      // `{}` among them lets everybody in.
      isForOperators: raw.security?.every((one) => 'operator' in one) ?? false,
      answers: new Map(
        // `default` stands for what should never happen.
        Object.entries(raw.responses).flatMap(([status, answer]) =>
          status === 'default' ? [] : [[Number(status), describedAnswer(answer)] as const],
        ),
      ),
    })),
  );
}

interface RawOperation {
  readonly operationId: string;
  readonly parameters?: readonly (Omit<Parameter, 'required' | 'check'> & { required?: boolean })[];
  readonly requestBody?: { required?: boolean; content: Record<string, { schema: Schema }> };
  readonly security?: readonly object[];
  readonly responses: Readonly<Record<string, RawAnswer>>;
}

interface RawAnswer {
  readonly headers?: object;
  readonly content?: Readonly<Record<string, { schema?: Schema }>>;
}

function bodyOf({ requestBody }: RawOperation): Body | null {
  const schema = requestBody?.content['application/json']?.schema;
  return schema ? { required: requestBody?.required ?? false, schema, check: compile(schema) } : null;
}

function describedAnswer({ headers = {}, content = {} }: RawAnswer): DescribedAnswer {
  const schemas = Object.entries(content);
  return {
    headers: Object.keys(headers),
    contents: new Map(schemas.map(([type, { schema = {} }]) => [type, compile(closed(schema))])),
    hasSeveralShapes: schemas.some(([, { schema }]) => schema?.anyOf !== undefined),
  };
}

/**
 * The schema with no room for fields that it does not name. Requests may bring more than is asked for; an answer that does
 * has something that nobody described.
 */
function closed(schema: Schema): Schema {
  return JSON.parse(JSON.stringify(schema), (_, value) => {
    const isObject = value?.type === 'object' && value.properties && value.additionalProperties === undefined;
    return isObject ? { ...value, additionalProperties: false } : value;
  });
}

function compile(schema: Schema): Validator {
  return Compile(schema as object) as unknown as Validator;
}

/** None of the references leads back to where it came from. */
function inPlace(node: unknown, document: unknown): unknown {
  return JSON.parse(JSON.stringify(node), (_, value) => {
    const at = (value as { $ref?: string } | null)?.$ref;
    if (typeof at !== 'string') return value;
    const names = at.split('/').slice(1);
    const found = names.reduce((inner, name) => (inner as Record<string, unknown>)[name], document);
    return inPlace(found, document);
  });
}
