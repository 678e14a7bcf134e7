import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { init, use } from 'echarts/core';
import { BarChart, LineChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components';
import { SVGRenderer } from 'echarts/renderers';
import { benchFolder } from './results.ts';
import { shortNumber } from './numbers.ts';
import type { Chart, Table } from './scenario.ts';

use([BarChart, LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

const WIDTH = 760;
const BAR_HEIGHT = 34;
const LINES_HEIGHT = 320;
const FRAME_HEIGHT = 110;
const FONT = 'system-ui, sans-serif';
/** Readable on a light page and on a dark one. */
const INK = '#7a8290';
const COLOURS = ['#3b82c4', '#d9822b', '#4a9d6f', '#b0567e'];

/** Where the chart of a table stands, from the folder of the results. */
export const chartFile = ({ name }: Table): string => `charts/${name}.svg`;

/** Draws the chart of each table that has one. */
export async function drawCharts(tables: readonly Table[]): Promise<void> {
  await mkdir(path.join(benchFolder, 'charts'), { recursive: true });
  for (const table of tables) if (table.chart) await writeFile(path.join(benchFolder, chartFile(table)), chartSvg(table, table.chart));
}

/** A table as an SVG picture. */
export function chartSvg(table: Table, chart: Chart): string {
  const bars = chart.kind === 'bars';
  const columns = table.columns.filter(({ name }) => chart.columns.includes(name));
  const height = bars ? FRAME_HEIGHT + BAR_HEIGHT * table.rows.length * columns.length : LINES_HEIGHT;
  const picture = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  const names = { type: 'category', data: table.rows.map(({ name }) => name), inverse: bars, axisLabel: { color: INK, width: 235, overflow: 'break' } } as const;
  const unit = columns[0]?.unit ?? '';
  const values = {
    type: chart.logarithmic ? 'log' : 'value',
    name: unit,
    nameTextStyle: { color: INK },
    axisLabel: { color: INK, formatter: (value: number) => shortNumber(value) },
    splitLine: { lineStyle: { color: INK, opacity: 0.25 } },
  } as const;
  picture.setOption({
    animation: false,
    color: COLOURS,
    textStyle: { fontFamily: FONT },
    title: { text: table.title, left: 0, textStyle: { color: INK, fontSize: 15 } },
    legend: { show: columns.length > 1, top: 26, textStyle: { color: INK } },
    grid: { left: bars ? 250 : 70, right: 70, top: bars && columns.length === 1 ? 44 : 64, bottom: 40 },
    xAxis: bars ? values : names,
    yAxis: bars ? names : values,
    series: columns.map((column) => ({
      type: bars ? ('bar' as const) : ('line' as const),
      name: column.name,
      data: table.rows.map(({ values: row }) => row[column.name]?.median ?? null),
      ...(bars && {
        label: { show: true, position: 'right' as const, color: INK, formatter: ({ value }: { value: unknown }) => shortNumber(Number(value)) },
      }),
    })),
  });
  const svg = picture.renderToSVGString();
  picture.dispose();
  return svg;
}
