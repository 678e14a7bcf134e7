import { Agenda } from './agenda.ts';
import { CouponApi } from './coupon-api.ts';
import { newPhone, type PhoneFacts } from './facts.ts';
import { Lane } from './lane.ts';
import { livePhone } from './phone.ts';

/** Connections that a crowd holds: this many joins and as many polls are under way at a time, the others stand in line here. */
export const CONNECTIONS_PER_LANE = 128;

export interface CrowdOptions {
  apiUrl: string;
  promotionId: string;
  users: number;
  /** Once aborted, phones give up: what is under way is cut off. */
  signal: AbortSignal;
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

/** Lets a crowd in: everyone joins at this very moment, each a user of their own. */
export function letIn({ apiUrl, promotionId, users, signal }: CrowdOptions): Crowd {
  const digits = String(users).length;
  const phones = Array.from({ length: users }, (_, i) => newPhone(`user-${String(i + 1).padStart(digits, '0')}`));
  const api = new CouponApi(apiUrl, 2 * CONNECTIONS_PER_LANE);
  const agenda = new Agenda();
  const noon = performance.now();
  const nowMs = () => performance.now() - noon;
  const around = { api, promotionId, joins: new Lane(CONNECTIONS_PER_LANE), polls: new Lane(CONNECTIONS_PER_LANE), agenda, nowMs, signal };
  const giveUp = () => {
    agenda.stop();
    void api.close();
  };
  signal.addEventListener('abort', giveUp, { once: true });
  const live = async () => {
    await Promise.all(phones.map((phone) => livePhone(phone, around)));
    signal.removeEventListener('abort', giveUp);
    agenda.stop();
    await api.close();
  };
  return { phones, api, elapsedMs: nowMs, over: live() };
}
