import { describe, expect, test } from 'bun:test';
import { calibrate } from './calibrate.ts';
import { readConstants } from './constants.ts';

const ENGINES = { postgres: 10, redis: 1, rabbitmq: 2 };
const BYTES = { request: 170, answer: 400 };

/** What an open loop measured at half of saturation. */
function opened(workload: string, more: object = {}) {
  const { cpuServerUsPerRequest, cpuEnginesUsPerRequest, errors } = result(workload);
  const level = { sharePct: 50, errors, cpuServerUsPerRequest, cpuEnginesUsPerRequest, ...more };
  return {
    ...result(workload, { cpuServerUsPerRequest: 20 }),
    levels: [{ ...level, sharePct: 25, cpuServerUsPerRequest: 99 }, level],
  };
}

function result(workload: string, more: object = {}) {
  return {
    ...{ workload, errors: 0, requestsPerS: 20_000, rssMb: 150, stolenPct: 2, bytes: BYTES },
    ...{ cpuServerUsPerRequest: 30, cpuTotalUsPerRequest: 43, cpuEnginesUsPerRequest: ENGINES },
    ...more,
  };
}

function benchDocument() {
  const sale = {
    name: 'sync',
    answers: { sold: 100, refused: 900, confirmed: 0, rejected: 0 },
    cpuMs: { processes: 50, backends: { postgres: 5, redis: 1, rabbitmq: 1 } },
  };
  return {
    machine: { cpu: 'A CPU', cores: 2, memoryGb: 24, os: 'linux 6', bun: '1.4.5' },
    commit: 'abc',
    engines: { ledger: 'postgresql 15.18', gate: 'redis 7.0.15', queue: 'rabbitmq 3.10.8' },
    seconds: 6,
    rounds: 5,
    loadBefore: 0.2,
    results: [
      opened('sync-win'),
      { ...opened('sync-soldout'), stolenPct: 7 },
      opened('async-accept', {
        cpuServerUsPerRequest: 35,
        cpuEnginesUsPerRequest: { ...ENGINES, postgres: 1 },
      }),
      opened('async-soldout'),
      result('async-drain', { requestsPerS: 90_000, cpuTotalUsPerRequest: 13 }),
      result('async-whole', {
        cpuServerUsPerRequest: 60,
        cpuWorkerUsPerRequest: 14,
        cpuEnginesUsPerRequest: { postgres: 12, redis: 0.5, rabbitmq: 9 },
      }),
      result('payments'),
      opened('stock-read'),
      result('connections', { rssAloneMb: 100, rssMb: 170, connections: 10_240 }),
      // A third of a core; 3 % of it for the purchases.
      result('live', {
        ...{ requestsPerS: 1_000, cpuServerPct: 33, eventsPerS: 20_000, bytesPerEvent: 150 },
        kbPerIdleViewer: 5.7,
      }),
      result('sales', { sales: [sale] }),
    ],
  };
}

const calibrated = (document: object = benchDocument()) => calibrate(JSON.stringify(document), 'bench.json');

test('constants are made of a measurement, with where and how it was made', () => {
  const constants = calibrated();
  expect(constants.measured).toMatchObject({
    commit: 'abc',
    machine: 'A CPU, 2 cores, 24 GB, linux 6, Bun 1.4.5',
    engines: 'postgresql 15.18, redis 7.0.15, rabbitmq 3.10.8',
    loadBefore: 0.2,
    stolenPct: 7,
  });
  expect(constants.measured.command).toEndWith('--seconds 6 --rounds 5');
  expect(constants.costUs.syncSold).toEqual({ process: 30, ...ENGINES });
  // The whole, less what its acceptance cost; nothing is negative.
  expect(constants.costUs.decided).toEqual({ process: 14, postgres: 11, redis: 0, rabbitmq: 7 });
  expect(constants.costUs.outcomeRead).toEqual({ process: 25, postgres: 0, redis: 0, rabbitmq: 0 });
  expect(constants.event).toEqual({ bytes: 150, processUs: 15 });
  expect(constants.memory).toEqual({ processMb: 150, connectionKb: 7, viewerKb: 5.7 });
  expect(constants.soldPerSPerProduct).toBe(90_000);
  expect(constants.decidedInBacklogUs).toBe(13);
  expect(constants.checks).toEqual([
    {
      name: 'a sale, sync',
      steps: {
        ...{ syncSold: 100, syncRefused: 900, asyncAccepted: 0, asyncRefused: 0 },
        ...{ decided: 0, outcomeRead: 0, charged: 100 },
      },
      cpuMs: 57,
    },
  ]);
});

test('its file is read again as it was written', () => {
  const constants = calibrated();
  expect(readConstants(JSON.stringify(constants), 'constants.json')).toEqual(constants);
});

describe('what is no such measurement is refused, with the reason:', () => {
  const changed = (workload: string, more: object) => {
    const document = benchDocument();
    return {
      ...document,
      results: document.results.map((one) => (one.workload === workload ? { ...one, ...more } : one)),
    };
  };
  const embedded = { ledger: 'sqlite', gate: 'memory', queue: 'sqlite' };
  const rows: [string, object, RegExp][] = [
    ['another document', { hello: 'world' }, /^bench\.json is not a document of `pulsecart bench --json`$/],
    [
      'the embedded backends',
      { ...benchDocument(), engines: embedded },
      /^bench\.json was measured on sqlite; .*add --engines production$/,
    ],
    [
      'missing workloads',
      { ...benchDocument(), results: benchDocument().results.slice(2) },
      /^bench\.json lacks the workloads sync-win, sync-soldout: run `npm run bench /,
    ],
    ['a workload with errors', changed('payments', { errors: 3 }), /^workload payments .* has 3 errors/],
    ['a failed workload', changed('live', { failure: 'it broke' }), /^workload live .*: it broke$/],
    ['a closed loop', changed('sync-win', { levels: undefined }), /^workload sync-win .*: add --open$/],
    [
      'an older version’s figures',
      changed('payments', { cpuEnginesUsPerRequest: undefined }),
      /^workload payments of bench\.json has no cpuEnginesUsPerRequest/,
    ],
    ['no CPU figures', changed('payments', { cpuServerUsPerRequest: null }), /has no cpuServerUsPerRequest/],
  ];
  for (const [what, document, message] of rows) {
    test(what, () => {
      expect(() => calibrated(document)).toThrow(message);
    });
  }

  test('no JSON', () => {
    expect(() => calibrate('noop 1', 'bench.txt')).toThrow(/^bench\.txt is not a JSON document$/);
    expect(() => readConstants('[1', 'constants.txt')).toThrow(/^constants\.txt is not a JSON document$/);
  });

  test('constants with a hole', () => {
    const { costUs, ...rest } = calibrated();
    const { charged: _, ...others } = costUs;
    const text = JSON.stringify({ ...rest, costUs: others });
    expect(() => readConstants(text, 'constants.json')).toThrow(
      /^constants\.json has no costUs\.charged\.process: /,
    );
  });
});
