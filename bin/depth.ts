import { Command, InvalidArgumentError } from 'commander';
import { measureDepth } from '../bench/depth.ts';

const DEPTH_MIN = 200;
const DEPTH_MAX = 2_000_000;

const program = new Command('npm run depth --')
  .description('Measures what a long line costs: a poll of its last user, and the sell-out, on a Redis of its own.')
  .option(
    '--users <count>',
    `users in line, ${DEPTH_MIN} to ${DEPTH_MAX}`,
    (value) => {
      const users = Number(value);
      if (!/^\d+$/.test(value) || users < DEPTH_MIN || users > DEPTH_MAX) {
        throw new InvalidArgumentError(`It must be a whole number from ${DEPTH_MIN} to ${DEPTH_MAX}.`);
      }
      return users;
    },
    100_000,
  )
  .parse();

try {
  const f = await measureDepth(program.opts<{ users: number }>().users, (line) => console.error(`${line} …`));
  const ms = (value: number) => `${value.toFixed(1)} ms`;
  console.log(
    [
      `status of the last of ${f.depth}: ${f.statusMicros.toFixed(0)} µs; with 100 in line: ${f.statusAt100Micros.toFixed(0)} µs; ratio ${f.ratio.toFixed(2)}`,
      `longest PING: idle ${ms(f.idlePingMs)}; from sell-out to the end of the sweep ${ms(f.sellOutPingMs)}`,
      `after the last coupon: the last in line read FAILED after ${ms(f.failedAfterMs)} (the next tick), all were swept after ${ms(f.sweptAfterMs)}`,
    ].join('\n'),
  );
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
