import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/** How a fake behaves, and what it does wrong. */
export interface Behaviour {
  /** It admits nobody before so many have joined: however slow the machine is, all of them then stand in line. */
  opensAt?: number;
  /** Coupons that it issues beyond the stock, without a word in /info. */
  oversell?: number;
  /** Joins that it answers 503 before it serves any. */
  stumbles?: number;
  /** It never admits anyone. */
  asleep?: boolean;
  /** It tells everyone in line a place farther back with each poll. */
  backwards?: boolean;
}

export interface FakeApi {
  url: string;
  /** Users who joined a promotion that this fake knows. */
  usersOf(promotionId: string): string[];
  stop(): void;
}

interface Promotion {
  stock: number;
  left: number;
  state: string;
  line: string[];
  statuses: Map<string, string>;
  oversold: number;
}

const INTERVAL_MS = 100;
const BATCH = 10;

/** The coupon API from memory, as far as a rush uses it, with faults that the real one must not have. */
export async function startFakeApi(behaviour: Behaviour = {}): Promise<FakeApi> {
  const promotions = new Map<string, Promotion>();
  let { stumbles = 0 } = behaviour;
  let polls = 0;
  const timer = setInterval(() => {
    for (const promotion of promotions.values()) {
      if (!behaviour.asleep && promotion.statuses.size >= (behaviour.opensAt ?? 0)) drain(promotion, behaviour.oversell ?? 0);
    }
  }, INTERVAL_MS);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fake');
    const route = url.pathname.replace('/api/coupon/queue/', '');
    const input = (request.method === 'POST' ? await json(request) : Object.fromEntries(url.searchParams)) as Record<string, string>;
    const id = String(input.promotionId);
    if (route === 'init-stock') {
      const stock = Number(input.stock);
      promotions.set(id, { stock, left: stock, state: id === 'paused' ? 'PAUSED' : 'OPEN', line: [], statuses: new Map(), oversold: 0 });
      return succeed(response, { promotionId: id, stock });
    }
    const promotion = promotions.get(id);
    if (!promotion) return fail(response, 404, 'PROMOTION_NOT_FOUND');
    if (route === 'info') return succeed(response, infoOf(promotion));
    const user = String(input.userId);
    const at = () => promotion.line.indexOf(user) + 1;
    if (route === 'status') {
      polls += 1;
      const position = at() + (behaviour.backwards && at() > 0 ? polls : 0);
      const status = promotion.statuses.get(user) ?? 'NOT_IN_QUEUE';
      return succeed(response, { status, position, totalWaiting: promotion.line.length, estimatedWaitSeconds: 1, message: '' });
    }
    if (stumbles > 0) {
      stumbles -= 1;
      return fail(response, 503, 'UNAVAILABLE');
    }
    if (!promotion.statuses.has(user)) {
      if (promotion.left === 0) return fail(response, 409, 'SOLD_OUT');
      promotion.line.push(user);
      promotion.statuses.set(user, 'WAITING');
    }
    return succeed(response, { status: promotion.statuses.get(user), position: at() });
  }

  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    usersOf: (promotionId) => [...(promotions.get(promotionId)?.statuses.keys() ?? [])],
    stop() {
      clearInterval(timer);
      server.close();
      server.closeAllConnections();
    },
  };
}

function drain(promotion: Promotion, oversell: number): void {
  const { line, statuses, left } = promotion;
  for (const user of line.splice(0, Math.min(BATCH, left))) {
    promotion.left -= 1;
    statuses.set(user, 'COMPLETED');
  }
  if (promotion.left > 0) return;
  for (const user of line.splice(0)) {
    const tooMuch = promotion.oversold < oversell;
    if (tooMuch) promotion.oversold += 1;
    statuses.set(user, tooMuch ? 'COMPLETED' : 'FAILED');
  }
}

function infoOf({ stock, left, state, line, statuses }: Promotion) {
  const completedCount = stock - left;
  const failedCount = statuses.size - completedCount - line.length;
  return { currentStock: left, queueSize: line.length, processingCount: 0, initialStock: stock, completedCount, failedCount, state };
}

const succeed = (response: ServerResponse, data: object) => send(response, 200, { success: true, message: '', data });
const fail = (response: ServerResponse, status: number, code: string) => send(response, status, { success: false, message: '', error: { code }, requestId: '' });
const send = (response: ServerResponse, status: number, body: object) => void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
