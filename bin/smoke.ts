import { SmokeApi } from '../bench/smoke-api.ts';
import { readSmokeArguments } from '../bench/smoke-options.ts';
import { smoke } from '../bench/smoke.ts';
import { firstLine } from '../local/failure.ts';
import { onStopAsked } from '../local/stop-asked.ts';

const broken = new AbortController();
const { signal } = broken;
onStopAsked(() => broken.abort(new Error('The smoke test was broken off.')));

try {
  const { url, token, otherToken, waitMs, operator } = readSmokeArguments(process.argv, process.env);
  const latecomer = token !== undefined && otherToken === undefined ? undefined : { userId: 'smoke-2', token: otherToken };
  const startedAt = performance.now();
  await smoke({
    api: new SmokeApi(url, operator, signal),
    winner: { userId: 'smoke-1', token },
    latecomer,
    waitMs,
    say: (line) => console.log(line),
    signal,
  });
  console.log(`The smoke test of ${url} passed in ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`);
} catch (error) {
  console.error(firstLine(signal.aborted ? signal.reason : error));
  process.exitCode = 1;
}
