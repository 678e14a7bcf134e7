import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export const ROOT = path.join(import.meta.dirname, '../..');
/** Folders that hold no documents of this project. */
const SKIPPED = new Set(['node_modules', 'cdk.out', 'coverage']);

export interface Table {
  header: string[];
  /** Cells as written, backticks included. */
  rows: string[][];
}

/** The text of a file of the repository. */
export const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');

/** Files below a folder of the repository whose names end so, as paths from its root; hidden folders and dependencies left out. */
export function filesIn(folder: string, ending: string): string[] {
  return readdirSync(path.join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const file = path.posix.join(folder, entry.name);
    if (entry.isDirectory()) return entry.name.startsWith('.') || SKIPPED.has(entry.name) ? [] : filesIn(file, ending);
    return entry.name.endsWith(ending) ? [file] : [];
  });
}

/** Every Markdown file of the repository. */
export const documents = filesIn('.', '.md');

/**
 * The table of a text whose header begins with these words.
 * @throws Error if there is none.
 */
export function table(text: string, ...beginning: string[]): Table {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${beginning.join(' | ')} |`));
  if (start < 0) throw new Error(`There is no table whose header begins with ${beginning.join(', ')}.`);
  const end = lines.findIndex((line, i) => i > start && !line.startsWith('|'));
  const [header = [], , ...rows] = lines.slice(start, end < 0 ? undefined : end).map(cells);
  return { header, rows };
}

const cells = (line: string) => line.split('|').slice(1, -1).map((cell) => cell.trim());

/** Texts of the fenced blocks, also of those within lists, of one language or of all. */
export function blocks(text: string, language?: string): string[] {
  return [...text.matchAll(/^( *)```(\w*)\n(.*?)^\1```$/gms)].flatMap(([, , its, block = '']) => (language === undefined || its === language ? [block] : []));
}

/** What is written in backticks, outside of fenced blocks. */
export const codeWords = (text: string): string[] =>
  [...text.replaceAll(/^( *)```.*?^\1```$/gms, '').matchAll(/`([^`\n]+)`/g)].flatMap(([, word]) => word ?? []);

/** A cell without backticks. */
export const plain = (cell: string | undefined): string => (cell ?? '').replaceAll('`', '');
