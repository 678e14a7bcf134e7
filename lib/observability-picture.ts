/** What a dashboard's body says of one widget, as far as the picture shows it. */
interface Widget {
  type: 'metric' | 'text' | 'alarm';
  x: number;
  y: number;
  width: number;
  height: number;
  properties: { title?: string; markdown?: string; alarms?: unknown[]; metrics?: unknown[][]; yAxis?: { left?: { label?: string } } };
}

/** Of the metric of a widget, what stands last in its row. */
interface MetricOptions {
  label?: string;
  expression?: string;
  visible?: boolean;
  yAxis?: string;
}

const COLUMN_PX = 40;
const ROW_PX = 19;
const MARGIN_PX = 8;
const GAP_PX = 3;
const PADDING_PX = 10;
const LINE_PX = 15;
/** At 11 px a character of a sans-serif font takes less. */
const CHARACTER_PX = 6.5;

/**
 * A picture of a dashboard, as it stands in the documents: where each widget is, and what it shows.
 * @param body the DashboardBody of a template, a JSON text with whatever is only known on deployment replaced by any text
 */
export function dashboardPicture(body: string): string {
  const { widgets } = JSON.parse(body) as { widgets: Widget[] };
  const right = Math.max(...widgets.map(({ x, width }) => x + width));
  const bottom = Math.max(...widgets.map(({ y, height }) => y + height));
  const [width, height] = [2 * MARGIN_PX + right * COLUMN_PX, 2 * MARGIN_PX + bottom * ROW_PX];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">`,
    '<title>The dashboard, from top to bottom</title>',
    `<rect width="${width}" height="${height}" fill="#f4f5f6"/>`,
    ...widgets.map(drawn),
    '</svg>',
    '',
  ].join('\n');
}

function drawn(widget: Widget): string {
  const [x, y] = [MARGIN_PX + widget.x * COLUMN_PX, MARGIN_PX + widget.y * ROW_PX];
  const [width, height] = [widget.width * COLUMN_PX - GAP_PX, widget.height * ROW_PX - GAP_PX];
  const { title, lines } = wordsOf(widget);
  const charactersMax = Math.floor((width - 2 * PADDING_PX) / CHARACTER_PX);
  const linesMax = Math.floor(height / LINE_PX) - 1;
  const shown = lines.flatMap((line) => wrapped(line, charactersMax)).slice(0, linesMax);
  const fill = widget.type === 'text' ? '#dfe7ee' : '#ffffff';
  const text = (line: string, i: number, style: string) => `<text x="${x + PADDING_PX}" y="${y + LINE_PX * (i + 1)}" ${style}>${escaped(line)}</text>`;
  return [
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="3" fill="${fill}" stroke="#c9d0d6"/>`,
    text(title, 0, 'font-weight="bold" font-size="12" fill="#16191f"'),
    ...shown.map((line, i) => text(line, i + 1, 'fill="#48535e"')),
  ].join('\n');
}

function wordsOf({ type, properties: { title = '', markdown = '', alarms = [], metrics = [], yAxis } }: Widget): { title: string; lines: string[] } {
  if (type === 'alarm') return { title, lines: [`${alarms.length} alarms`] };
  if (type === 'text') {
    const [heading = '', ...lines] = markdown.split('\n');
    return { title: heading.replace(/^#+ /, ''), lines };
  }
  const unit = yAxis?.left?.label;
  return { title: unit === undefined ? title : `${title}, ${unit}`, lines: linesOf(metrics) };
}

/** The metrics of a graph, those of one name in a line. */
function linesOf(metrics: unknown[][]): string[] {
  const labels = new Map<string, Set<string>>();
  for (const row of metrics) {
    const { label = '', expression, visible = true, yAxis } = row.at(-1) as MetricOptions;
    if (!visible) continue;
    const searched = /MetricName="(\w+)"/.exec(expression ?? '')?.[1];
    const name = (searched ?? (expression === undefined ? String(row[1]) : label)) + (yAxis === 'right' ? ' (right)' : '');
    const each = searched !== undefined ? 'each promotion' : label.replace(/^(node|shard) .*/, 'each $1');
    labels.set(name, labels.get(name) ?? new Set());
    if (!name.startsWith(each)) labels.get(name)?.add(each);
  }
  return [...labels].map(([name, each]) => (each.size === 0 ? name : `${name}: ${[...each].join(', ')}`));
}

function wrapped(text: string, charactersMax: number): string[] {
  const lines: string[] = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line !== '' && line.length + 1 + word.length > charactersMax) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines;
}

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** The body of the one dashboard of a template. @throws Error if there is none */
export function dashboardBody(resources: Readonly<Record<string, { Type: string; Properties?: unknown }>>): string {
  const dashboard = Object.values(resources).find(({ Type }) => Type === 'AWS::CloudWatch::Dashboard');
  if (!dashboard) throw new Error('The template has no dashboard: synthesize the service stack.');
  const { DashboardBody: body } = dashboard.Properties as { DashboardBody: { 'Fn::Join': [string, unknown[]] } };
  return body['Fn::Join'][1].map((part) => (typeof part === 'string' ? part : 'known-on-deployment')).join('');
}
