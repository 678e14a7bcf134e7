import { shortNumber } from '../numbers.ts';
import { textTable } from '../text-table.ts';
import type { Capacity } from './capacity.ts';
import { limits } from './limits.ts';
import { binomial, unevenness } from './model.ts';
import { countsOf, LOOP_SHARDS, NODES } from './spread.ts';

const percent = (share: number) => `${shortNumber(share * 100)} %`;

const sentence = ([first, ...others]: readonly string[]) =>
  first === undefined ? 'every part bears it' : `${first} gives first${others.length > 0 ? `; then ${others.join(', ')}` : ''}`;

/** The whole of it as text, a table each. */
export function capacityReport(capacity: Capacity): string {
  return [
    `Measured on ${capacity.machine.date}: ${capacity.machine.cpu}, ${capacity.machine.cores} cores, Redis ${capacity.machine.redis}, Node ${capacity.machine.node}`,
    textTable(
      'Server CPU of one operation, of a fleet of connections with one command in flight each',
      ['operation', 'µs', '÷ SET'],
      Object.entries(capacity.costs).map(([name, { median }]) => [name, shortNumber(median), shortNumber(median / capacity.costs.SET.median)]),
    ),
    textTable(
      `Joins per second of one shard at ${percent(limits.coreShare.value)} of a core, each with its polls, ${percent(capacity.winners)} of the users winning`,
      ['polls per user', 'joins/s', 'requests/s'],
      capacity.shard.map(({ pollsPerUser, joinsPerSecond }) => [String(pollsPerUser), shortNumber(joinsPerSecond), shortNumber(joinsPerSecond * (1 + pollsPerUser))]),
    ),
    `Connections that one client of a function has to a node: ${shortNumber(capacity.connectionsPerEnvironment)}`,
    textTable(
      `Promotions on the nodes of a real cluster, ${NODES} nodes`,
      ['ids', 'promotions', 'on each node', 'by chance', 'unevenness', 'hottest, equal', 'hottest, Zipf (95 % below)'],
      capacity.fleets.map(({ naming, promotions, nodeOf, hottestEqual, hottestZipf }) => {
        const counts = countsOf(nodeOf, NODES);
        const { mean, deviation } = binomial(promotions, NODES);
        return [
          naming,
          String(promotions),
          counts.join(', '),
          `${shortNumber(mean)} ± ${shortNumber(deviation)}`,
          unevenness(counts).toFixed(2),
          percent(hottestEqual),
          `${percent(hottestZipf.median)} (${percent(hottestZipf.p95)})`,
        ];
      }),
    ),
    textTable(
      'Promotions on the shards of the drain loop (CRC-32)',
      ['ids', 'promotions', ...LOOP_SHARDS.map((shards) => `${shards} shards`)],
      capacity.fleets.map(({ naming, promotions, loopShardOf }) => [naming, String(promotions), ...LOOP_SHARDS.map((shards) => countsOf(loopShardOf[shards] ?? [], shards).join(', '))]),
    ),
    textTable(
      `Joins per second of a whole cluster, ${capacity.pollsPerUser} polls each: those of one shard ÷ share of the hottest one`,
      ['Redis shards', 'promotions', 'hottest, equal', 'joins/s', 'hottest, Zipf', 'joins/s'],
      capacity.clusters.map(({ shards, promotions, equal, zipf }) => [
        String(shards),
        String(promotions),
        percent(equal.share),
        shortNumber(equal.joinsPerSecond),
        percent(zipf.share),
        shortNumber(zipf.joinsPerSecond),
      ]),
    ),
    textTable(
      `One promotion: what each part has to bear, as a share of its limit (${capacity.pollsPerUser} polls each, ${capacity.stock.toLocaleString('en-US')} coupons, ${capacity.seconds} s)`,
      ['part', ...capacity.rushes.map(({ joinsPerSecond }) => `${joinsPerSecond.toLocaleString('en-US')}/s`), 'limit', 'gives at joins/s', 'what helps'],
      capacity.givesAt.map(({ part, joinsPerSecond }) => [
        part.name,
        ...capacity.rushes.map(({ parts }) => {
          const same = parts.find(({ name }) => name === part.name);
          return same && same.limit < Infinity ? percent(same.needed / same.limit) : '–';
        }),
        part.limit < Infinity ? `${shortNumber(part.limit)} ${part.unit}` : 'none known',
        joinsPerSecond < Infinity ? shortNumber(joinsPerSecond) : 'never',
        part.remedy,
      ]),
    ),
    capacity.rushes.map(({ joinsPerSecond, beyondLimits }) => `${joinsPerSecond.toLocaleString('en-US')} joins/s: ${sentence(beyondLimits)}`).join('\n'),
    textTable('Limits', ['limit', '', 'source'], Object.values(limits).map(({ value, unit, source }) => [value.toLocaleString('en-US'), unit, source])),
  ].join('\n\n');
}
