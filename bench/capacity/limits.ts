import { rounded } from '../workloads/result.ts';
import { assumed, STACK } from './assumptions.ts';
import type { Constants } from './constants.ts';
import type { Ask } from './load.ts';
import type { Moment } from './timeline.ts';

/** Something that a sale needs, and how much of it there is. */
export interface Limit {
  readonly name: string;
  readonly need: number;
  readonly have: number;
  readonly unit: string;
  /** Need over have, in percent. */
  readonly pct: number;
  /** More of it can be had. */
  readonly canGrow: boolean;
  readonly then: string;
}

export const ONE_PRODUCT = 'decisions about one product';

export function limitsOf(known: {
  readonly ask: Ask;
  readonly constants: Constants;
  readonly moments: readonly Moment[];
  readonly coresOf: Readonly<
    Record<'api' | 'worker' | 'postgres' | 'redis' | 'rabbitmq' | 'balancer', number>
  >;
  readonly apiProcesses: number;
  readonly workers: number;
  readonly balancerFiles: number;
  readonly bandwidth: { readonly in: number; readonly out: number };
}): Limit[] {
  const { ask, constants, moments, coresOf, apiProcesses, workers, balancerFiles, bandwidth } = known;
  const limit = (
    name: string,
    need: number,
    have: number,
    unit: string,
    canGrow: boolean,
    then: string,
  ): Limit => ({
    ...{ name, need: rounded(need, need < 10 ? 2 : 0), have, unit },
    pct: rounded((need / have) * 100, need / have < 0.1 ? 1 : 0),
    canGrow,
    then,
  });
  const arrivalsPerS = moments.reduce((max, moment) => Math.max(max, moment.arrivalsPerS), 0);
  return [
    limit(
      'API processes',
      coresOf.api,
      STACK.apiProcesses,
      'processes',
      true,
      'more of them, on more machines',
    ),
    limit('workers', coresOf.worker, STACK.workers, 'processes', true, 'more of them'),
    limit(
      'balancer',
      coresOf.balancer,
      STACK.balancerCores,
      'cores',
      true,
      'more cores, or several behind one name',
    ),
    limit(
      'cores of PostgreSQL',
      coresOf.postgres,
      STACK.postgresCores,
      'cores',
      true,
      'a larger machine; see the largest below',
    ),
    limit(
      'connections to PostgreSQL',
      (apiProcesses + workers) * assumed('poolPerProcess'),
      STACK.postgresConnections,
      'connections',
      true,
      'a higher max_connections, or pgbouncer',
    ),
    limit(
      'open files of a balancer',
      balancerFiles,
      assumed('filesPerProcess'),
      'files',
      true,
      'a higher limit (LimitNOFILE), or more balancers',
    ),
    limit(
      'network of a balancer',
      Math.max(bandwidth.in, bandwidth.out) / 1000,
      assumed('networkGbps'),
      'Gbit/s',
      true,
      'several balancers; a CDN for reads',
    ),
    limit(
      ONE_PRODUCT,
      Math.min(arrivalsPerS, ask.units),
      constants.soldPerSPerProduct,
      'per second',
      false,
      'buyers wait; sell it as several products, admit buyers through a waiting room, or let them buy the async way',
    ),
    limit(
      'the largest PostgreSQL',
      coresOf.postgres,
      assumed('postgresCoresMax'),
      'cores',
      false,
      'products on several databases',
    ),
    limit(
      'Redis, one key per product',
      coresOf.redis,
      1,
      'cores',
      false,
      'several products on a Redis Cluster',
    ),
    limit(
      'the queue of purchases',
      coresOf.rabbitmq,
      1,
      'cores',
      false,
      'a queue has one leader, on about one core: several shops, each with queues of its own; or the sync way',
    ),
    limit(
      'the payment company',
      Math.min(ask.units, ask.buyers) / assumed('holdS'),
      assumed('chargesPerS'),
      'charges per second',
      false,
      'longer holds, or a higher limit from the company',
    ),
  ];
}
