import { describe, expect, test } from 'bun:test';
import pg from 'pg';
import { AppError } from '../../domain/errors.ts';
import { isConflict, meaningOf, openingError } from './failure.ts';

function reported(code: string): pg.DatabaseError {
  return Object.assign(new pg.DatabaseError(`error ${code}`, 1, 'error'), { code });
}

describe('a failed statement', () => {
  test.each([
    ['disk full', '53100'],
    ['too many connections', '53300'],
    ['read-only', '25006'],
    ['lock timeout', '55P03'],
    ['statement timeout', '57014'],
    ['serialization failure', '40001'],
    ['deadlock', '40P01'],
    ['missing right', '42501'],
  ])('that PostgreSQL refused surely did nothing: %s', (_, code) => {
    for (const writes of [true, false]) {
      expect(meaningOf(reported(code), writes)).toMatchObject({ code: 'unavailable' });
    }
  });

  test.each([
    ['told to end', reported('57P01')],
    ['crash of another session', reported('57P02')],
    ['pooler lost the server', reported('08P01')],
    ['system error', reported('58000')],
    ['internal error', reported('XX000')],
    ['cut', new Error('Connection terminated unexpectedly')],
    ['silence', new Error('Query read timeout')],
    ['reset', Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })],
  ])('whose session ended may have been carried out if it writes: %s', (_, error) => {
    expect(meaningOf(error, true)).toMatchObject({ code: 'outcome_unknown', cause: error });
    expect(meaningOf(error, false)).toMatchObject({ code: 'unavailable', cause: error });
  });

  test.each([
    ['broken check', '23514'],
    ['repeated id', '23505'],
    ['impossible text', '22021'],
    ['too long for an index', '54000'],
    ['unknown column', '42703'],
    ['raised by a function', 'P0001'],
  ])('that asked for something wrong is a bug and stays one: %s', (_, code) => {
    const error = reported(code);
    expect(meaningOf(error, true)).toBe(error);
    expect(error).not.toBeInstanceOf(AppError);
  });

  test('is tried again only when somebody else came in between', () => {
    expect(['40001', '40P01', '23505'].map((code) => isConflict(reported(code)))).toEqual([true, true, true]);
    expect([reported('23514'), reported('57P01'), new Error('cut')].map(isConflict)).toEqual([
      false,
      false,
      false,
    ]);
  });
});

describe('P3 what PostgreSQL says of an error names rules and places, and no customers', () => {
  const jane = 'jane"doe@example.org';
  const rows = {
    detail: `Failing row contains (1, ${jane}).`,
    hint: jane,
    where: `unnamed portal parameter $1 = '${jane}'`,
    internalQuery: `SELECT '${jane}'`,
    position: '7',
  };

  test.each([
    ['22P02', `invalid input syntax for type uuid: "${jane}"`, 'invalid input syntax for type uuid: …'],
    ['22003', `value "${jane}" is out of range for type integer`, 'value …'],
    ['22P02', `ungültige Eingabesyntax für Typ uuid: »${jane}«`, 'ungültige Eingabesyntax für Typ uuid: …'],
    ['P0001', `no units for ${jane}`, 'a function raised an exception'],
    ['54000', 'index row size 2800 exceeds maximum', 'index row size 2800 exceeds maximum'],
    ['42703', 'column "custmer" does not exist', 'column "custmer" does not exist'],
    [
      '23514',
      'new row for relation "orders" violates check constraint "kind_customers"',
      'new row for relation "orders" violates check constraint "kind_customers"',
    ],
  ])('%s: %s', (code, message, told) => {
    const error = Object.assign(reported(code), rows, {
      message,
      table: 'orders',
      constraint: 'kind_customers',
    });
    for (const writes of [true, false]) {
      const meaning = meaningOf(error, writes) as pg.DatabaseError;
      expect(meaning).toMatchObject({ message: told, code, table: 'orders', constraint: 'kind_customers' });
      const all = Object.getOwnPropertyNames(meaning).map((name) => Reflect.get(meaning, name));
      expect(JSON.stringify(all)).not.toContain('example.org');
    }
  });

  test('nor does the cause of what it means for the caller', () => {
    const error = Object.assign(reported('57P01'), rows);
    const { cause } = meaningOf(error, true) as AppError;
    expect(Bun.inspect(cause)).not.toContain('jane');
  });
});

test('an opening that failed may be tried again where a moment could make a difference', () => {
  const codeOf = (error: unknown) => openingError(error, 'db:5432/shop').code;
  const passing = [new Error('connect ECONNREFUSED'), reported('57P03'), reported('53300')];
  expect(passing.map(codeOf)).toEqual(passing.map(() => 'unavailable'));
  const lasting = ['28P01', '3D000', '42501', '42P07'].map(reported);
  expect(lasting.map(codeOf)).toEqual(lasting.map(() => 'unusable_store'));
});

test('several addresses tried in vain are told by the first', () => {
  const error = new AggregateError([new Error('connect ECONNREFUSED ::1:5432'), new Error('and another')]);
  expect(openingError(error, 'localhost:5432/shop').message).toBe(
    'The PostgreSQL database localhost:5432/shop cannot be reached: connect ECONNREFUSED ::1:5432.',
  );
});
