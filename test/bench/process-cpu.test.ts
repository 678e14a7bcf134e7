import { expect, test } from 'vitest';
import { processCpuMicros } from '../../bench/process-cpu.ts';

const TICK_MICROS = 10_000;
const BURNT_MICROS = 200_000;

test.runIf(process.platform === 'linux')('the CPU of a process is what the process itself counts', () => {
  const startMicros = process.cpuUsage();
  const before = processCpuMicros(process.pid);
  const burnt = () => process.cpuUsage(startMicros).user + process.cpuUsage(startMicros).system;
  while (burnt() < BURNT_MICROS);
  expect(Math.abs(processCpuMicros(process.pid) - before - burnt())).toBeLessThanOrEqual(3 * TICK_MICROS);
});

test('of a process that is gone it is unknown, not 0', () => {
  expect(processCpuMicros(-1)).toBeNaN();
  expect(processCpuMicros(undefined)).toBeNaN();
});
