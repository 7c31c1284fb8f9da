import { ThresholdsSchema } from '../../bench/rehearsal/thresholds.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { CODES } from '../../src/http/codes.ts';
import type { Field } from '../../src/http/docs/fields.ts';
import {
  type Answer,
  type Guide,
  type GuideOperation,
  readGuide,
  type Shape,
} from '../../src/http/docs/guide.ts';
import { openApiDocument } from '../../src/http/openapi.ts';
import { nameOf } from '../../src/http/route.ts';
import { STREAM_EVENTS, STREAM_EXAMPLE } from '../../src/http/routes/stream-schemas.ts';
import { createRoutes } from '../../src/http/routes.ts';
import type { Service } from '../../src/http/service.ts';
import { SECTIONS, SETTINGS } from '../../src/settings.ts';
import { readDocument } from './documents.ts';
import { table } from './markdown.ts';
import { SCALE_PARTS } from './scale-parts.ts';

/**
 * The parts of docs/reference and docs/scale.md that the code knows better than any author. A page says where one belongs, between
 * `<!-- begin: name -->` and `<!-- end: name -->`; `npm run reference` writes it there, and a test fails while it is stale.
 */

/** Far ahead: a page in a repository is read for years, and what its readers copy must not lie in their past. */
const WRITTEN_AS_OF_MS = Date.UTC(2099, 0, 1);

export const PAGES = [
  'docs/reference/http-api.md',
  'docs/reference/errors.md',
  'docs/reference/events.md',
  'docs/reference/settings.md',
  'docs/scale.md',
];

/** The thresholds of `pulsecart rehearse`, for editors. */
export const SCHEMA_FILE = 'docs/reference/rehearsal.schema.json';

export function schemaText(): string {
  return `${JSON.stringify({ $schema: 'https://json-schema.org/draft/2020-12/schema', ...ThresholdsSchema }, null, 2)}\n`;
}

/** A page with its parts as the code has them now. */
export function upToDate(path: string): string {
  return readDocument(path).replace(
    /(<!-- begin: ([\w-]+) -->\n).*?(<!-- end: \2 -->)/gs,
    (_, begin: string, name: string, end: string) => `${begin}\n${part(name)}\n\n${end}`,
  );
}

function part(name: string): string {
  if (name in SCALE_PARTS) return SCALE_PARTS[name as keyof typeof SCALE_PARTS]();
  const guide = readGuide(
    openApiDocument(createRoutes({} as Service), packageJson.version, WRITTEN_AS_OF_MS),
  );
  switch (name) {
    case 'routes':
      return guide.groups
        .map(({ name, description, operations }) =>
          [`## ${titled(name)}`, description, ...operations.map(operationText)].join('\n\n'),
        )
        .join('\n\n');
    case 'shapes':
      return guide.shapes.map(shapeText).join('\n\n');
    case 'codes':
      return table(
        ['code', 'status', 'meaning', 'what to do'],
        CODES.map(({ code, status, meaning, advice }) => [`\`${code}\``, status, meaning, advice]),
      );
    case 'stream-events':
      return table(
        ['event', 'its data', 'when'],
        Object.entries(STREAM_EVENTS).map(([event, { schema, when }]) => [
          `\`${event}\``,
          linkedType(nameOf(schema), guide),
          when,
        ]),
      );
    case 'stream-shapes': {
      const told = Object.values(STREAM_EVENTS).map(({ schema }) => nameOf(schema));
      return guide.shapes
        .filter(({ name }) => told.includes(name))
        .map(shapeText)
        .join('\n\n');
    }
    case 'settings':
      return settingsText();
    case 'stream-example':
      return `\`\`\`text\n${STREAM_EXAMPLE.trimEnd()}\n\`\`\``;
    default:
      throw new Error(`docs/reference: there is no part "${name}"`);
  }

  function shapeText({ name, description, type, fields }: Shape): string {
    const what = fields.length > 0 ? fieldTable(fields, guide) : `\`${type}\``;
    return [`### ${name}`, linked(description), what].filter(Boolean).join('\n\n');
  }

  function operationText(operation: GuideOperation): string {
    const { method, path, summary, description, forOperators, role, parameters, body, answers, samples } =
      operation;
    const parts = [
      `### ${summary}`,
      `\`${method} ${path}\`${forOperators ? ` · operators: ${role}` : ''}`,
      linked(description),
      parameters.length > 0 &&
        table(
          ['parameter', 'in', 'type', 'meaning'],
          parameters.map((one) => [
            `\`${one.name}\`${one.required ? ', required' : ''}`,
            one.place,
            typeText(one, guide),
            one.description,
          ]),
        ),
      body && `Body: ${linkedType(body.type, guide)}`,
      table(
        ['answer', 'body', 'meaning'],
        answers.map((one) => [
          one.status === 'default' ? 'else' : one.status,
          bodyText(one, guide),
          one.description,
        ]),
      ),
      `\`\`\`sh\n${samples.curl}\n\`\`\``,
      exampleText(answers),
    ];
    return parts.filter(Boolean).join('\n\n');
  }
}

/** A table for each section. */
function settingsText(): string {
  const keys = Object.keys(SETTINGS);
  const starts = SECTIONS.map(([, first]) => keys.indexOf(first));
  return SECTIONS.map(([title], i) => {
    const rows = Object.values(SETTINGS)
      .slice(starts[i], starts[i + 1])
      .map(({ name, flag, preset, values, what, isSecret }) => [
        `\`${name}\``,
        flag ? `\`--${flag}\`` : '',
        PRESETS_IN_WORDS.includes(preset) ? preset : `\`${preset}\``,
        values,
        isSecret ? `${what}. In a file: \`${name}_FILE\`` : what,
      ]);
    return `## ${title}\n\n${table(['variable', 'flag', 'default', 'values', 'meaning'], rows)}`;
  }).join('\n\n');
}

const PRESETS_IN_WORDS = ['none', 'by backend'];

/** The first answer that was hoped for. */
function exampleText(answers: readonly Answer[]): string {
  const { status, bodies } = answers.find(({ bodies }) =>
    bodies.some(({ examples }) => examples.length > 0),
  ) ?? { status: '', bodies: [] };
  const [example] = bodies.flatMap(({ examples }) => examples);
  if (!example || !status.startsWith('2')) return '';
  const language = bodies[0]?.mediaType.endsWith('json') ? 'json' : 'text';
  return `\`\`\`${language}\n${example.text.trimEnd()}\n\`\`\``;
}

function bodyText({ bodies }: Answer, guide: Guide): string {
  return bodies
    .map(({ mediaType, type }) =>
      type === 'string' || type === 'object' ? mediaType : linkedType(type, guide),
    )
    .join(', ');
}

/** Fields of fields with their whole way, like `payments[].attempt`. */
function fieldTable(fields: readonly Field[], guide: Guide): string {
  const rows = (of: readonly Field[], before: string): string[][] =>
    of.flatMap((field) => {
      const name = `${before}${field.name}`;
      const inside = field.type.startsWith('array') ? `${name}[].` : `${name}.`;
      return [
        [`\`${name}\``, field.required ? '' : 'optional', typeText(field, guide), field.description],
        ...rows(field.fields, inside),
      ];
    });
  return table(['field', '', 'type', 'meaning'], rows(fields, ''));
}

function typeText({ type, limits }: Field, guide: Guide): string {
  return [linkedType(type, guide), limits].filter(Boolean).join('; ');
}

function linkedType(type: string, { shapes }: Guide): string {
  const names = new Set(shapes.map(({ name }) => name));
  return type.replace(/\b[A-Z]\w+\b/g, (word) =>
    names.has(word) ? `[${word}](#${word.toLowerCase()})` : word,
  );
}

/** What leads to a component in the OpenAPI document leads to its shape here. */
function linked(text: string): string {
  return text.replace(/\(#\/components\/schemas\/(\w+)\)/g, (_, name: string) => `(#${name.toLowerCase()})`);
}

function titled(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
