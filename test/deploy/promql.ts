/** As much of PromQL as it takes to say which series and labels an expression names. */

/** One selector of an expression. */
export interface Selector {
  readonly metric: string;
  readonly matchers: readonly { readonly label: string; readonly operator: string; readonly value: string }[];
}

/** What an expression leans on. */
export interface Leans {
  readonly selectors: readonly Selector[];
  /** Labels of by, without, on, ignoring and group_*. */
  readonly labels: readonly string[];
}

const TOKEN = /\s+|"(?:[^"\\]|\\.)*"|\$\w+|\d+(?:\.\d+)?(?:ms|[smhdwy])?|[a-zA-Z_:][a-zA-Z0-9_:]*|=~|!~|!=|==|>=|<=|[-+*/%^<>=(){}[\],]/y;
const WORDS = new Set(['and', 'or', 'unless', 'bool', 'offset']);
const LISTS = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right']);
const FUNCTIONS = new Set(['sum', 'max', 'min', 'count', 'avg', 'rate', 'increase', 'histogram_quantile', 'absent', 'topk']);

function tokens(expression: string): readonly string[] {
  const found: string[] = [];
  TOKEN.lastIndex = 0;
  for (let from = 0; from < expression.length; from = TOKEN.lastIndex) {
    const match = TOKEN.exec(expression);
    if (match === null) throw new Error(`not PromQL at ${JSON.stringify(expression.slice(from, from + 20))} in ${expression}`);
    if (match[0].trim() !== '') found.push(match[0]);
  }
  return found;
}

function readMatchers(list: readonly string[], from: number): { matchers: Selector['matchers']; next: number } {
  const matchers: { label: string; operator: string; value: string }[] = [];
  let index = from;
  while (list[index] !== '}') {
    const [label = '', operator = '', value = ''] = list.slice(index, index + 3);
    if (!/^[a-z_]+$/.test(label) || !['=', '!=', '=~', '!~'].includes(operator) || !value.startsWith('"'))
      throw new Error(`not a matcher: ${label}${operator}${value}`);
    matchers.push({ label, operator, value: value.slice(1, -1) });
    index += list[index + 3] === ',' ? 4 : 3;
  }
  return { matchers, next: index + 1 };
}

/** Reads an expression. Throws where it is no PromQL, parentheses do not match, or a function is not one of those used here. */
export function leansOn(expression: string): Leans {
  const list = tokens(expression);
  const selectors: Selector[] = [];
  const labels: string[] = [];
  let depth = 0;
  for (let index = 0; index < list.length; index += 1) {
    const token = list[index] ?? '';
    if (token === '(') depth += 1;
    if (token === ')') depth -= 1;
    if (depth < 0) throw new Error(`a ) too many in ${expression}`);
    if (!/^[a-zA-Z_:]/.test(token) || WORDS.has(token)) continue;
    if (LISTS.has(token)) {
      for (index += 2; list[index] !== ')'; index += 1) if (list[index] !== ',') labels.push(list[index] ?? '');
    } else if (list[index + 1] === '(' || LISTS.has(list[index + 1] ?? '')) {
      if (!FUNCTIONS.has(token)) throw new Error(`unknown function ${token} in ${expression}`);
    } else if (list[index + 1] === '{') {
      const { matchers, next } = readMatchers(list, index + 2);
      selectors.push({ metric: token, matchers });
      index = next - 1;
    } else selectors.push({ metric: token, matchers: [] });
  }
  if (depth !== 0) throw new Error(`a ( too many in ${expression}`);
  if (selectors.length === 0) throw new Error(`no series in ${expression}`);
  return { selectors, labels };
}
