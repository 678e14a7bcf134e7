import type { Redis } from 'ioredis';

/**
 * Commands of one write. More save no more, and keep the server waiting while they are made: of 50 callers, in writes of 8, the server takes
 * 130,000 joins/s; in writes of 50, when it and the client wait for each other in turn, 72,000; each by itself, 100,000.
 */
const SHARED_WRITE_COMMANDS_MAX = 8;

/**
 * Lets the commands that a connection is given in one turn of the event loop leave in one write. ioredis writes each by itself: with 50
 * joins under way that is 2.7 of the client's 10.1 us a call, and 1.7 of the server's 8.7, which then reads as often. A lone call leaves when it did before, at the end of the turn: no timer and no other event comes in between.
 */
export function shareWrites(node: Redis): void {
  node.on('connect', () => {
    const { stream } = node;
    const write = stream.write.bind(stream);
    let held = 0;
    const release = () => {
      held = 0;
      stream.uncork();
    };
    stream.write = ((...chunk: Parameters<typeof write>) => {
      if (held === 0) {
        stream.cork();
        process.nextTick(release);
      }
      held += 1;
      const more = write(...chunk);
      if (held % SHARED_WRITE_COMMANDS_MAX === 0) {
        stream.uncork();
        stream.cork();
      }
      return more;
    }) as typeof stream.write;
  });
}
