import pg from 'pg';
import { AppError } from '../../domain/errors.ts';

/**
 * What the failure of a statement means for its caller. `commits`: the statement commits, be it what it wrote itself or what
 * was written before it.
 *
 * - An error that PostgreSQL reported rolled the transaction back, so nothing was done.
 * - What ends the session may come between the commit and its acknowledgement: of a statement that commits the outcome is unknown.
 * - A broken constraint and the like are bugs and stay the errors they are.
 */
export function meaningOf(error: unknown, commits: boolean): unknown {
  withoutValues(error);
  const code = sqlState(error);
  if (code !== undefined && isBug(code)) return error;
  const unknown = commits && endsSession(error);
  return new AppError(unknown ? 'outcome_unknown' : 'unavailable', `PostgreSQL: ${reasonOf(error)}`, {
    cause: error,
  });
}

/**
 * A lost connection and a timeout of ours have no code of PostgreSQL's. A session that is told to end (57P) says so even when
 * it has just committed; a pooler reports a server that it lost in class 08 or 58; a panic may be of class XX.
 */
export function endsSession(error: unknown): boolean {
  const code = sqlState(error);
  return code === undefined || /^(08|25P|57P|58|XX)/.test(code);
}

/**
 * Another transaction came in between, and asking again is all there is to do: a serialization failure, a deadlock, or a row
 * that another transaction inserted after this statement had looked for it.
 */
export function isConflict(error: unknown): boolean {
  return ['40001', '40P01', '23505'].includes(sqlState(error) ?? '');
}

/** The server's disk is full. */
export function isFull(error: unknown): boolean {
  return sqlState(error) === '53100';
}

/** Why PostgreSQL cannot be used, for the person who starts the program; `place` names it without its password. */
export function openingError(error: unknown, place: string): AppError {
  if (error instanceof AppError) return error;
  withoutValues(error);
  if (/unsupported startup parameter: options/.test(`${error}`)) {
    return new AppError(
      'unusable_store',
      `The PostgreSQL database ${place} is reached through a pooler that does not pass the schema on: ` +
        'set ignore_startup_parameters = options and a connect_query there (docs/operating/postgresql.md, Size).',
      { cause: error },
    );
  }
  const code = sqlState(error);
  // No server there, starting up, or full: that may be different in a moment.
  const passing = code === undefined || /^(08|53|57)/.test(code);
  return new AppError(
    passing ? 'unavailable' : 'unusable_store',
    `The PostgreSQL database ${place} cannot be ${passing ? 'reached' : 'used'}: ${reasonOf(error)}.`,
    { cause: error },
  );
}

/**
 * Takes out of an error what quotes rows, parameters and statements: with them customers would get into logs and into the
 * causes of dead letters. What is left says which rule was broken, where.
 */
function withoutValues(error: unknown): void {
  if (!(error instanceof pg.DatabaseError)) return;
  const said = error.message;
  for (const name of Object.keys(error)) if (!TOLD.has(name)) Reflect.deleteProperty(error, name);
  error.message = wordsOf(error);
  error.stack = `${error.stack}`.replace(said, () => error.message);
}

const TOLD = new Set(['name', 'severity', 'code', 'schema', 'table', 'column', 'dataType', 'constraint']);

/** Up to the first quotation that is not one of the error's own names, where a value may be quoted. */
function wordsOf(error: pg.DatabaseError): string {
  const { message, code = '', schema, table, column, dataType, constraint } = error;
  // A function, or another program's trigger, may put anything into its own words.
  if (code === 'P0001') return 'a function raised an exception';
  if (!QUOTES_VALUES.test(code)) return message;
  const names = [schema, table, column, dataType, constraint];
  for (const { index, 1: quoted } of message.matchAll(QUOTATION)) {
    if (!names.includes(quoted)) return `${message.slice(0, index)}…`;
  }
  return message;
}

/** Impossible values, broken constraints, exceeded limits. The other classes quote names, and statements, which are ours. */
const QUOTES_VALUES = /^(2[0-3]|44|54|P0)/;
/** In the languages that PostgreSQL speaks. */
const QUOTATION = /["'`„“”«»‚‘’‹›「](.*?)(?:["'„“”«»‚‘’‹›」]|$)/gs;

function sqlState(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

/** Broken constraints, impossible values, exceeded limits, wrong statements. A missing right (42501) is the server's state, not our mistake. */
function isBug(code: string): boolean {
  return /^(0A|2[0-3]|42|44|54|P0)/.test(code) && code !== '42501';
}

/** In one line. Several addresses that were tried in vain come as one error that has no words of its own. */
function reasonOf(error: unknown): string {
  const first = error instanceof AggregateError ? error.errors[0] : error;
  return String((first as Error).message || first).replaceAll(/\s+/g, ' ');
}
