import { costOf } from '../bench/cost/cost.ts';
import { writeTables } from '../bench/cost/document.ts';
import { readCostOptions } from '../bench/cost/options.ts';
import { costReport } from '../bench/cost/report.ts';

const { sale, stage, regions, json, write } = readCostOptions(process.argv);
try {
  if (write) {
    console.log(await writeTables());
  } else {
    const cost = costOf(sale, stage, regions);
    console.log(json ? JSON.stringify(cost, undefined, 2) : costReport(cost));
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
