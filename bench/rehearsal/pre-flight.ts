import { type Api, ApiError, reach } from '../../src/cli/api.ts';
import { AppError } from '../../src/domain/errors.ts';
import { fileLimit } from '../../src/lib/file-limit.ts';
import type { Check } from '../../src/ports/backends.ts';
import type { RehearsalVerdict, VerdictState } from './verdict.ts';

/** What is looked at before the crowd is sent. */

/** Of the crowd: for purchases and for outcomes (bench/crowd.ts), and some more for everything else. */
const CROWD_CONNECTIONS = 1_024;
/** Logs, libraries, and the calls beside the crowd. */
const OTHER_FILES = 176;
const filesNeeded = (viewers: number) => CROWD_CONNECTIONS + OTHER_FILES + viewers;
const CLOCK_OFF_MS_MAX = 1_000;
/** Enough to meet each of some instances behind a balancer. */
const LOOKS = 16;
const LOOK_TIMEOUT_MS = 5_000;
/**
 * Sent at once, to learn whether something in front limits one address: more than our own balancers let through by default, a
 * hundred a second over ten seconds. A crowd sends many times as many.
 */
const BURST = 1_500;

export interface ServerFindings {
  readonly version: string;
  readonly verdicts: readonly RehearsalVerdict[];
}

interface Doctor {
  readonly version: string;
  readonly serverTime: string;
  readonly findings: readonly Check[];
}

/** What the server says of itself, and what is seen of it from here. Throws where it is no server that can rehearse. */
export async function checkServer(api: Api, viewers: number): Promise<ServerFindings> {
  const askedMs = Date.now();
  const { version, serverTime, findings } = await askDoctor(api);
  // The server reads its clock before it looks at its backends, which takes longer than the way back.
  const offMs = Date.parse(serverTime) - askedMs;
  return {
    version,
    verdicts: [
      ...findings.map((finding) => found(finding, viewers)),
      clockDifference(offMs, Date.now() - askedMs),
      await oneVersion(api, version),
    ],
  };
}

/** The limit of this process: each connection of the crowd is an open file. */
export function checkThisMachine(viewers: number, limit = fileLimit()): RehearsalVerdict {
  const needed = filesNeeded(viewers);
  const name = 'open files here';
  if (limit === null) return about(name, 'WARN', 'the limit is not known; see `ulimit -n`');
  const detail = `${limit} at most, the crowd needs ${needed}`;
  if (limit >= needed) return about(name, 'PASS', detail);
  return about(name, 'FAIL', `${detail}: raise it with \`ulimit -n ${2 * needed}\` in this shell`);
}

/**
 * The crowd comes from one address, as no real one does: a balancer that limits addresses would refuse most of it. The limits of
 * PulseCart itself do not count for an operator's token, which the crowd brings.
 */
export async function checkAddressLimit(
  { url, operatorToken }: Api,
  productId: number,
): Promise<RehearsalVerdict> {
  const name = 'limit for one address';
  const path = `/api/v1/sync/stock/${productId}`;
  const statuses = await Promise.all(Array.from({ length: BURST }, () => statusOf(url, path, operatorToken)));
  const refused = statuses.filter((status) => status === 429).length;
  const silent = statuses.filter((status) => status === null || status >= 500).length;
  if (refused > 0) {
    const lift =
      'lift the limit for this address (BALANCER_ADDRESS_RATE), or send the crowd past the balancer';
    return about(name, 'FAIL', `${refused} of ${BURST} requests at once were refused with 429: ${lift}`);
  }
  if (silent > 0) return about(name, 'WARN', `${silent} of ${BURST} requests at once were not answered`);
  return about(name, 'PASS', `${BURST} requests at once were answered`);
}

async function askDoctor(api: Api): Promise<Doctor> {
  try {
    return await api.get<Doctor>('/api/v1/ops/doctor', ({ findings }) => Array.isArray(findings));
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
    throw new AppError(
      'unavailable',
      `The server at ${api.url} knows no rehearsals: it is older than this program, or another one.`,
    );
  }
}

function found({ name, state, detail, limit }: Check, viewers: number): RehearsalVerdict {
  const needed = filesNeeded(viewers);
  if (name === 'open files' && limit !== undefined && limit < needed)
    return about(name, 'FAIL', `${detail}: each connection is one, and this crowd has ${needed}`);
  if (name === 'live streams' && limit !== undefined && limit < viewers)
    return about(name, 'WARN', `${detail}: the crowd has ${viewers} viewers, and the others are refused`);
  return about(name, STATES[state], detail);
}

const STATES: Readonly<Record<Check['state'], VerdictState>> = { ok: 'PASS', note: 'WARN', broken: 'FAIL' };

function clockDifference(offMs: number, wayMs: number): RehearsalVerdict {
  const seconds = (Math.abs(offMs) / 1000).toFixed(1);
  const detail = `${seconds} s ${offMs < 0 ? 'behind' : 'ahead of'} this machine's, measured within ${(wayMs / 1000).toFixed(1)} s`;
  // A slow answer proves nothing.
  const isOff = Math.abs(offMs) - wayMs > CLOCK_OFF_MS_MAX;
  return about("the server's clock", isOff ? 'WARN' : 'PASS', detail);
}

/** While a release is rolled out, processes of the old version charge what hidden products sell. */
async function oneVersion(api: Api, version: string): Promise<RehearsalVerdict> {
  const name = 'versions';
  const seen = await Promise.all(Array.from({ length: LOOKS }, () => versionAt(api.url)));
  const versions = [...new Set([version, ...seen.filter((one) => one !== null)])];
  if (versions.length > 1)
    return about(name, 'FAIL', `several answer: ${versions.join(', ')}; finish the release first`);
  return about(name, 'PASS', `PulseCart ${version}`);
}

/** Null where another port has it. */
async function versionAt(url: string): Promise<string | null> {
  try {
    const { response, text } = await reach(url, '/actuator/info', LOOK_TIMEOUT_MS, {
      headers: { Connection: 'close' },
    });
    return response.ok ? ((JSON.parse(text) as { app?: { version?: string } }).app?.version ?? null) : null;
  } catch {
    return null;
  }
}

async function statusOf(url: string, path: string, token: string | null): Promise<number | null> {
  const headers: Record<string, string> = token === null ? {} : { Authorization: `Bearer ${token}` };
  try {
    return (await reach(url, path, LOOK_TIMEOUT_MS, { headers })).response.status;
  } catch {
    return null;
  }
}

function about(name: string, state: VerdictState, detail: string): RehearsalVerdict {
  return { group: 'pre-flight', name, state, detail };
}
