/** JSON Schema, said in a few words. Only what the schemas of this API are made of. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly required?: readonly string[];
  readonly description?: string;
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
}

export interface Field {
  readonly name: string;
  readonly required: boolean;
  /** Like `string (uuid) or null`, or the name of a shape. */
  readonly type: string;
  /** Like `1 to 64 characters`; empty where there is none. */
  readonly limits: string;
  readonly description: string;
  /** What an object, or each object of an array, consists of. */
  readonly fields: readonly Field[];
}

export function fieldsOf(schema: Schema): Field[] {
  const { properties, required = [] } = objectIn(schema);
  return Object.entries(properties ?? {}).map(([name, property]) => ({
    name,
    required: required.includes(name),
    type: typeOf(property),
    limits: limitsOf(property),
    description: describe(property),
    fields: fieldsOf(property),
  }));
}

export function typeOf(schema: Schema): string {
  const choices = choicesOf(schema);
  if (choices) return choices.map(typeOf).join(' or ');
  if (schema.$ref) return schema.$ref.split('/').at(-1)!;
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' or ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const { type } = schema;
  if (Array.isArray(type)) return type.join(' or ');
  if (type === 'array') return schema.items ? `array of ${plural(typeOf(schema.items))}` : 'array';
  if (type === 'object' && !schema.properties) {
    const values = valuesOf(schema);
    return values && typeOf(values) !== 'any' ? `object of ${plural(typeOf(values))}` : 'object';
  }
  if (schema.format) return `${type} (${schema.format})`;
  return (type as string | undefined) ?? 'any';
}

export function limitsOf(schema: Schema): string {
  const choices = choicesOf(schema);
  if (choices) return choices.map(limitsOf).filter(Boolean).join('; or ');
  const { minimum, maximum, minLength, maxLength, minItems, maxItems } = schema;
  return [
    between(whole(minimum), whole(maximum), ''),
    between(minLength, maxLength, ' characters'),
    between(minItems, maxItems, ' items'),
    schema.pattern && maxLength === undefined && !schema.description && `matches \`${schema.pattern}\``,
    schema.default !== undefined && `${JSON.stringify(schema.default)} when absent`,
  ]
    .filter(Boolean)
    .join(', ');
}

/** Its own words, or those of what it may be. */
export function describe(schema: Schema): string {
  return schema.description ?? choicesOf(schema)?.find(({ description }) => description)?.description ?? '';
}

function choicesOf({ anyOf, oneOf }: Schema): readonly Schema[] | undefined {
  return anyOf ?? oneOf;
}

/** The schema that has the properties: itself, an array's items, a record's values, or the only object of a choice. */
function objectIn(schema: Schema): Schema {
  if (schema.items) return objectIn(schema.items);
  if (schema.type === 'object' && !schema.properties) return objectIn(valuesOf(schema) ?? {});
  const objects = choicesOf(schema)?.filter(({ type }) => type === 'object' || type === 'array');
  return objects?.length === 1 ? objectIn(objects[0]!) : schema;
}

function valuesOf({ patternProperties = {}, additionalProperties }: Schema): Schema | undefined {
  const [values] = Object.values(patternProperties);
  return values ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined);
}

/** The safe integers are what a number may be anyway. */
function whole(limit: number | undefined): number | undefined {
  return limit !== undefined && Math.abs(limit) === Number.MAX_SAFE_INTEGER ? undefined : limit;
}

function between(min: number | undefined, max: number | undefined, unit: string): string {
  const shown = (limit: number) => limit.toLocaleString('en');
  if (min !== undefined && max !== undefined) return `${shown(min)} to ${shown(max)}${unit}`;
  if (min !== undefined) return `at least ${shown(min)}${unit}`;
  return max === undefined ? '' : `at most ${shown(max)}${unit}`;
}

function plural(type: string): string {
  return type === 'object' || type === 'string' || type === 'integer' || type === 'number'
    ? `${type}s`
    : type;
}
