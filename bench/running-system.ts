import { existsSync, readFileSync } from 'node:fs';
import * as v from 'valibot';
import { CouponApi } from './coupon-api.ts';

/** A system that runs already. */
export interface RunningSystem {
  apiUrl: string;
  /** Undefined where it is not known. */
  redisUrl: string | undefined;
}

/** A system that does not answer within this time does not run. */
const PROBE_TIMEOUT_MS = 5_000;
/** Any promotion will do: what matters is who answers. */
const PROBE_PROMOTION = 'rush-probe';

const endpointsFileSchema = v.object({ apiUrl: v.pipe(v.string(), v.url()), redisUrl: v.string() });

/**
 * Finds the system to send a crowd to: the one at `url`, or else the local run of this folder, if it answers.
 * @param endpointsFile where a local run writes its addresses; one that was killed leaves it behind
 * @returns undefined if no url was given and none runs
 * @throws Error with a sentence if nothing, or something else, answers at `url`
 */
export async function findRunningSystem(endpointsFile: string, url?: string): Promise<RunningSystem | undefined> {
  const local = findEndpoints(endpointsFile);
  if (url !== undefined) {
    const fault = await probe(url);
    if (fault !== undefined) throw new Error(`${url} ${fault}: check --url, or leave it out to have a system started.`);
    return { apiUrl: url, redisUrl: local && new URL(local.apiUrl).origin === new URL(url).origin ? local.redisUrl : undefined };
  }
  if (local === undefined || (await probe(local.apiUrl)) !== undefined) return undefined;
  return local;
}

/** The addresses that a local run wrote, which may have been killed since. */
export function findEndpoints(file: string): RunningSystem | undefined {
  if (!existsSync(file)) return undefined;
  try {
    const endpoints = v.safeParse(endpointsFileSchema, JSON.parse(readFileSync(file, 'utf8')));
    return endpoints.success ? endpoints.output : undefined;
  } catch {
    // Half written, by a run that is just starting: it does not run yet.
    return undefined;
  }
}

/** What is wrong with what answers there, if anything. */
async function probe(url: string): Promise<string | undefined> {
  const api = new CouponApi(url, 1, PROBE_TIMEOUT_MS);
  try {
    const answer = await api.info(PROBE_PROMOTION);
    if (answer.kind === 'TRY_AGAIN') return answer.answered ? `can't serve now (${answer.reason})` : `does not answer (${answer.reason})`;
    if (answer.kind === 'REFUSED' && answer.code !== 'PROMOTION_NOT_FOUND') return `is not the coupon API, or needs a login (${answer.reason})`;
    return undefined;
  } finally {
    await api.close();
  }
}
