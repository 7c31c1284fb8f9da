/** What nobody measured here, with its source. `pulsecart plan --json` prints them beside its result, and docs/scale.md lists them. */
export const ASSUMPTIONS = {
  busyPct: {
    value: 60,
    what: 'of a core in use at the peak: the rest is for bursts, and for a process that is lost',
    source: 'estimate; `pulsecart bench --open` shows what waiting costs at 50 and 75 % of saturation',
  },
  readsPerBuyer: {
    value: 2,
    what: 'reads of stock per buyer',
    source: 'estimate: one with the page, one before the purchase',
  },
  headerBytes: {
    value: 700,
    what: 'bytes that a browser adds to a request: cookies, user agent, accepted languages and types',
    source: 'estimate',
  },
  wireBytes: {
    value: 150,
    what: 'bytes around each message: Ethernet, IP, TCP, a TLS record, and the acknowledgement',
    source: 'sizes of the headers in RFC 791, 9293 and 8446',
  },
  keepAliveS: {
    value: 60,
    what: 'seconds that a balancer keeps the connection of a buyer who is silent',
    source: '`timeout http-keep-alive` of deploy/haproxy/haproxy.cfg',
  },
  answerS: {
    value: 0.1,
    what: 'seconds that a request is under way between balancer and process',
    source: 'estimate, far above the p99 of docs/performance.md',
  },
  balancerPerCore: {
    value: 30_000,
    what: 'requests per second that a core of a balancer passes on, without TLS',
    source:
      'HAProxy’s own 2.04 million on 64 cores (haproxy.com, "HAProxy forwards over 2 million HTTP requests per second")',
  },
  eventsPerViewerPerS: {
    value: 4,
    what: 'live events per second to a viewer of a product that sells',
    source: 'a broadcast every 250 ms above 100 viewers (src/app/stream/stream.ts)',
  },
  chargesPerS: {
    value: 100,
    what: 'charges per second that the payment company takes',
    source:
      'Stripe’s limit in live mode (support.stripe.com, "rate_limit error when creating bulk API requests"); it raises it on request',
  },
  holdS: {
    value: 600,
    what: 'seconds in which a bought unit has to be charged',
    source: 'the ten minutes of a hold (docs/operating.md)',
  },
  insideMax: {
    value: 16_384,
    what: 'purchases that wait inside one process before it answers 503 `overloaded`',
    source: 'INSIDE_MAX of src/app/purchase/batcher.ts',
  },
  streamsPerProcess: {
    value: 20_000,
    what: 'live viewers of one process',
    source: 'the default of PULSECART_STREAMS',
  },
  poolPerProcess: {
    value: 10,
    what: 'connections to PostgreSQL of one process',
    source: 'docs/operating/backends.md',
  },
  filesPerProcess: {
    value: 65_536,
    what: 'files that a process may have open',
    source: 'LimitNOFILE of docs/operating/backends.md',
  },
  postgresCoresMax: {
    value: 64,
    what: 'cores of the largest machine for one PostgreSQL',
    source: 'estimate: what is to be had for rent without asking; that it uses so many was not measured',
  },
  networkGbps: {
    value: 10,
    what: 'gigabits per second of one machine',
    source: 'estimate',
  },
} as const;

export type Assumption = keyof typeof ASSUMPTIONS;

/** What the stack of docker-compose.yml has, on a machine of a usual size. */
export const STACK = {
  apiProcesses: 3,
  workers: 2,
  balancerCores: 2,
  postgresCores: 4,
  postgresConnections: 100,
} as const;

export function assumed(name: Assumption): number {
  return ASSUMPTIONS[name].value;
}
