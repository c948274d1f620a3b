/**
 * Leaving out of the bundle what classes can do and nobody asks for: bundlers leave out functions, but no methods.
 *
 * A method may go whose name stands nowhere but in methods that go themselves: not as a property, nor in a text, which
 * may be used as a key. Those that the library shows stay, and those that the language calls.
 */

import { type ESTree, parseSync, type Plugin } from "vite";

import { nodes, shownNames } from "./mangling.ts";

/** What is called without its name being written. */
const CALLED = ["toString", "toJSON", "valueOf", "then", "next", "return", "throw", "handleEvent"];

type Node = ESTree.Node;

/** Leave them out, before names are shortened. */
export function unused(): Plugin {
  let root = "";
  return {
    name: "unused",
    apply: "build",
    configResolved: (config) => void (root = `${config.root}/src`),
    generateBundle(_, bundle) {
      for (const chunk of Object.values(bundle)) {
        if (chunk.type === "chunk") chunk.code = withoutUnused(chunk.code, shownNames(root));
      }
    },
  };
}

/** Code without the methods that nothing in it uses, but for those of these names. */
export function withoutUnused(code: string, kept: ReadonlySet<string>): string {
  const { program } = parseSync("bundle.js", code);
  const methods = new Map<string, Node[]>();
  for (const node of nodes(program)) {
    const name = methodName(node);
    if (name !== null) methods.set(name, [...(methods.get(name) ?? []), node]);
  }
  const used = new Set<string>();
  const waiting = [...CALLED, ...kept, ...namesIn(program)];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (used.has(name)) continue;
    used.add(name);
    for (const method of methods.get(name) ?? []) waiting.push(...namesIn(method));
  }
  const unusedOnes = [...methods].flatMap(([name, all]) => (used.has(name) ? [] : all)).sort((one, other) => one.start - other.start);
  let [rest, at] = ["", 0];
  for (const { start, end } of unusedOnes) {
    rest += code.slice(at, start);
    at = end;
  }
  return rest + code.slice(at);
}

/** The name of a method that could go; null: it is none. */
function methodName(node: Node): string | null {
  if (node.type !== "MethodDefinition" || node.computed || node.kind === "constructor") return null;
  return node.key.type === "Identifier" ? node.key.name : null;
}

/** Names by which this may use methods, but for what methods in it do. */
function namesIn(root: Node): string[] {
  const names: string[] = [];
  for (const node of nodes(root, (one) => one !== root && methodName(one) !== null)) {
    if (node.type === "MemberExpression" && !node.computed) names.push(node.property.name);
    else if (node.type === "Property" && node.key.type === "Identifier") names.push(node.key.name);
    else if (node.type === "Literal" && typeof node.value === "string") names.push(node.value);
    else if (node.type === "TemplateElement") names.push(node.value.raw);
  }
  return names;
}
