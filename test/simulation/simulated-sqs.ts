import { encodeIssueMessage, type IssueMessage } from '../../lambda/queue/issue-message.ts';
import type { Send } from '../../lambda/queue/send.ts';
import type { Random } from './random.ts';
import type { Actor, Scheduler } from './scheduler.ts';
import type { Weather } from './weather.ts';

interface Message {
  id: number;
  body: string;
  receives: number;
  deleted: boolean;
}

/** Messages that the queue keeps at most; a seed that reaches it has gone wrong. */
const MESSAGES_MAX = 5000;
/** Messages that one redrive moves. */
const REDRIVE_MAX = 100;

/**
 * A queue that gives no order and delivers at least once: what is received comes again after its visibility timeout unless it
 * was deleted, after too many receives it goes to the dead-letter queue, and from there back by redrive.
 */
export class SimulatedSqs {
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #weather: Weather;
  readonly #visibilityMs: number;
  readonly #receivesMax: number;
  readonly #consume: (body: string, done: () => void) => void;
  readonly actor: Actor = { name: 'sqs', alive: true, mortal: false };
  #deadLetters: Message[] = [];
  #sent = 0;

  /** @param consume starts an issuer on a message; it calls done if it could issue it */
  constructor(scheduler: Scheduler, random: Random, weather: Weather, visibilityMs: number, receivesMax: number, consume: (body: string, done: () => void) => void) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.#weather = weather;
    this.#visibilityMs = visibilityMs;
    this.#receivesMax = receivesMax;
    this.#consume = consume;
  }

  /** The `send` of one run of the loop. */
  senderFor(actor: Actor): Send {
    return (message) =>
      new Promise((resolve, reject) => {
        this.#scheduler.add({
          actor,
          label: `send ${message.promotionId} [${message.userIds.join(' ')}]`,
          readyAt: this.#scheduler.nowMs,
          run: () => {
            if (this.#random.chance(this.#weather.sendRejected)) {
              this.#scheduler.struck('send rejected');
              if (actor.alive) reject(new Error('SQS did not take the message'));
              return 'REJECTED';
            }
            const note = this.#accept(message);
            if (this.#random.chance(this.#weather.sendAnswerLost)) {
              this.#scheduler.struck('answer of a send lost');
              if (actor.alive) reject(new Error('SQS could not be reached'));
              return `${note}, answer LOST`;
            }
            if (actor.alive) resolve();
            return note;
          },
        });
      });
  }

  #accept(message: IssueMessage): string {
    if (this.#random.chance(this.#weather.messageLost)) {
      this.#scheduler.struck('message lost');
      return 'message LOST';
    }
    const copies = this.#random.chance(this.#weather.messageTwice) ? 2 : 1;
    if (copies > 1) this.#scheduler.struck('message twice');
    for (let i = 0; i < copies; i++) {
      this.#sent += 1;
      if (this.#sent > MESSAGES_MAX) throw new Error(`More than ${MESSAGES_MAX} messages were sent.`);
      const delayed = this.#random.chance(this.#weather.messageDelayed);
      if (delayed) this.#scheduler.struck('message delayed');
      const delayMs = delayed ? this.#random.between(1, this.#weather.delayMsMax) : 0;
      this.#await({ id: this.#sent, body: encodeIssueMessage(message), receives: 0, deleted: false }, delayMs);
    }
    return `message ${copies === 1 ? this.#sent : `${this.#sent - 1} and ${this.#sent}`}`;
  }

  /** Lets a message become visible. */
  #await(message: Message, delayMs: number): void {
    this.#scheduler.add({
      actor: this.actor,
      label: `message ${message.id}`,
      readyAt: this.#scheduler.nowMs + delayMs,
      run: () => {
        if (message.deleted) return 'deleted';
        if (message.receives >= this.#receivesMax) {
          this.#deadLetters.push(message);
          this.#scheduler.struck('message to the DLQ');
          return 'to the DLQ';
        }
        message.receives += 1;
        if (message.receives > 1) this.#scheduler.struck('message received again');
        this.#await(message, this.#visibilityMs);
        this.#consume(message.body, () => {
          message.deleted = true;
        });
        return `to an issuer, receive ${message.receives}`;
      },
    });
  }

  /** Moves dead letters back to the queue; how many. */
  redrive(): number {
    const moved = this.#deadLetters.splice(0, REDRIVE_MAX);
    for (const message of moved) {
      this.#scheduler.struck('message redriven');
      message.receives = 0;
      this.#await(message, 0);
    }
    return moved.length;
  }

  /** Whether every message was issued or is a dead letter. */
  idle(): boolean {
    return this.#scheduler.waitingOf(this.actor) === 0;
  }
}
