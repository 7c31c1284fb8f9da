import { describe, expect, test } from 'bun:test';
import { onDistributedBackends } from '../support/backends.ts';
import { runPulsecart } from '../support/command.ts';
import { temporaryFolder } from '../support/folder.ts';
import { ownBackends } from '../support/own-backends.ts';

/** What somebody has in mind who looks after the books of a shop, and does not run one here. */
const PRODUCTION = { PULSECART_MODE: 'production', PORT: '1' };
const TIMEOUT_MS = 60_000;

describe('P6 commands that read or migrate want neither an operator token nor leave for the simulator', () => {
  test('on the embedded backends', async () => {
    using folder = temporaryFolder();
    const data = ['--data', folder.path];
    for (const command of [
      ['migrate'],
      ['migrate', '--check'],
      ['seed'],
      ['audit'],
      ['reset', '--yes', '--force'],
    ])
      expect(await runPulsecart([...command, ...data], PRODUCTION)).toMatchObject({ exit: 0 });
  });

  onDistributedBackends(() => {
    test(
      'and DATABASE_URL alone, where the books are all they need',
      async () => {
        await using own = await ownBackends();
        const env = { ...PRODUCTION, DATABASE_URL: own.env.DATABASE_URL! };
        for (const command of [['migrate'], ['migrate', '--check'], ['seed'], ['audit']])
          expect(await runPulsecart(command, env)).toMatchObject({ exit: 0 });
      },
      TIMEOUT_MS,
    );
  });

  test('a worker, which no operator can ask for anything, wants no token of theirs either', async () => {
    const backends = {
      DATABASE_URL: 'postgres://shop:secret@127.0.0.1:1/shop',
      REDIS_URL: 'redis://:secret@127.0.0.1:2',
      RABBITMQ_URL: 'amqp://shop:secret@127.0.0.1:3',
    };
    const refused = await runPulsecart(['worker'], { ...PRODUCTION, ...backends });
    expect(refused.stderr).toMatch(/^pulsecart: .*PULSECART_ALLOW_SIMULATED_PAYMENTS=on/);
    const allowed = { ...PRODUCTION, ...backends, PULSECART_ALLOW_SIMULATED_PAYMENTS: 'on' };
    const ended = await runPulsecart(['worker'], allowed);
    expect(ended.stderr).toMatch(
      /^pulsecart: The PostgreSQL database 127\.0\.0\.1:1\/shop cannot be reached/,
    );
  });

  test('the books of ./data are not taken for those of a shop whose DATABASE_URL is missing', async () => {
    for (const command of ['audit', 'migrate']) {
      const ended = await runPulsecart([command], { REDIS_URL: 'redis://127.0.0.1:1' });
      expect(ended).toMatchObject({ exit: 2, stdout: '' });
      expect(ended.stderr).toMatch(/^pulsecart: DATABASE_URL and RABBITMQ_URL are missing: .*\n$/);
    }
  });
});
