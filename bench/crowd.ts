import { Agenda } from './agenda.ts';
import { CouponApi } from './coupon-api.ts';
import { newPhone, type PhoneFacts } from './facts.ts';
import type { Call } from './history.ts';
import { Lane } from './lane.ts';
import { JOIN_ATTEMPTS_MAX, livePhone } from './phone.ts';

/** Connections that a crowd holds: this many joins and as many polls are under way at a time, the others stand in line here. */
export const CONNECTIONS_PER_LANE = 128;

export interface CrowdOptions {
  apiUrl: string;
  promotionId: string;
  users: number;
  /** Once aborted, phones give up: what is under way is cut off. */
  signal: AbortSignal;
  /** Resolves when it is a user's turn to arrive, by their share (0 to 1) of the crowd; not given: all arrive at once. */
  arrival?: (share: number) => Promise<void>;
  /** Attempts to join before a phone gives up. */
  joinAttemptsMax?: number;
  /** Keeps each call and what came of it. */
  record?: (call: Call) => void;
}

/** A crowd under way. */
export interface Crowd {
  phones: readonly PhoneFacts[];
  api: CouponApi;
  /** Time since the first join was sent (ms). */
  elapsedMs: () => number;
  /** Resolves when every phone has its final answer or has given up. */
  over: Promise<void>;
}

/** Lets a crowd in: everyone joins at this very moment, or when it is their turn, each a user of their own. */
export function letIn(options: CrowdOptions): Crowd {
  const { apiUrl, promotionId, users, signal, arrival, joinAttemptsMax = JOIN_ATTEMPTS_MAX, record = () => undefined } = options;
  const digits = String(users).length;
  const phones = Array.from({ length: users }, (_, i) => newPhone(`user-${String(i + 1).padStart(digits, '0')}`));
  const api = new CouponApi(apiUrl, 2 * CONNECTIONS_PER_LANE);
  const agenda = new Agenda();
  const noon = performance.now();
  const nowMs = () => performance.now() - noon;
  const lanes = { joins: new Lane(CONNECTIONS_PER_LANE), polls: new Lane(CONNECTIONS_PER_LANE) };
  const around = { api, promotionId, ...lanes, agenda, nowMs, joinAttemptsMax, record, signal };
  const giveUp = () => {
    agenda.stop();
    void api.close();
  };
  signal.addEventListener('abort', giveUp, { once: true });
  const live = async () => {
    await Promise.all(
      phones.map(async (phone, i) => {
        await arrival?.(i / users);
        await livePhone(phone, around);
      }),
    );
    signal.removeEventListener('abort', giveUp);
    agenda.stop();
    await api.close();
  };
  return { phones, api, elapsedMs: nowMs, over: live() };
}
