import type { IncomingMessage } from 'node:http';
import type { HttpAnswer } from './payload.ts';

/** What became of a request at the gate of its route. */
export type Verdict =
  /** `authorizer` is what the function's event says of the caller. */
  | { admitted: true; authorizer: Record<string, unknown> }
  /** `reason` is for the log, never for the caller. */
  | { admitted: false; answer: HttpAnswer; reason: string };

/** Decides whether a request may reach its function. */
export type Admit = (request: IncomingMessage, body: Buffer) => Verdict | Promise<Verdict>;
