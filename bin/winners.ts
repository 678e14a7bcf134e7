import { fileURLToPath } from 'node:url';
import { exportWinners } from '../bench/winners-csv.ts';
import { readWinnersArguments } from '../bench/winners-options.ts';
import { reachNamedRedis } from '../bench/winners-redis.ts';
import { firstLine } from '../local/failure.ts';
import { onStopAsked } from '../local/stop-asked.ts';

const ENDPOINTS_FILE = fileURLToPath(new URL('../.local/endpoints.json', import.meta.url));

const say = (line: string) => process.stderr.write(`${line}\n`);
const broken = new AbortController();
const { signal } = broken;
onStopAsked(() => broken.abort(new Error('The export was broken off.')));

try {
  const args = readWinnersArguments(process.argv);
  const { redis } = await reachNamedRedis(args, process.env, ENDPOINTS_FILE);
  try {
    await exportWinners({ redis, promotionId: args.promotion, out: args.out, say, signal });
  } finally {
    redis.disconnect();
  }
} catch (error) {
  // What fails while an export is being broken off fails for that.
  say(firstLine(signal.aborted ? signal.reason : error));
  process.exitCode = 1;
}
