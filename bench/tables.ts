import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';

/** Direct access to an environment's tables in PostgreSQL, to create, remove and fill environments, and for artifacts. */

/** Rows of a table in memory at a time. */
const DUMP_ROWS = 10_000;

export async function runStatement(databaseUrl: string, statement: string): Promise<void> {
  await withClient(databaseUrl, (client) => client.query(statement));
}

export async function askRows<Row>(databaseUrl: string, query: string): Promise<Row[]> {
  return withClient(databaseUrl, async (client) => (await client.query(query)).rows as Row[]);
}

/** Writes every table into the folder, as of one snapshot: a file of its name, each line a row as JSON. */
export async function dumpTables(databaseUrl: string, folder: string): Promise<void> {
  await withClient(databaseUrl, async (client) => {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const { rows } = await client.query<{ name: string }>(
      `SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema()`,
    );
    for (const { name } of rows) {
      const file = join(folder, `${name}.jsonl`);
      await client.query(`DECLARE lines CURSOR FOR SELECT row_to_json(t)::text AS line FROM "${name}" t`);
      for (;;) {
        const some = await client.query<{ line: string }>(`FETCH ${DUMP_ROWS} FROM lines`);
        await appendFile(file, some.rows.map(({ line }) => `${line}\n`).join(''));
        if (some.rows.length < DUMP_ROWS) break;
      }
      await client.query('CLOSE lines');
    }
  });
}

async function withClient<T>(databaseUrl: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: databaseUrl });
  // Without a listener a connection that breaks would end the process; its query rejects anyway.
  client.on('error', () => {});
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
