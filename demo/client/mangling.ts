/**
 * Minifying that shortens the names of properties which our own code alone uses: they are a tenth of the bundle.
 *
 * The names are found, not listed: all that our code uses, but for those that somebody else may use or make up. That is
 * what the library's types show, what goes over a wire, what the platform and other people's code in the bundle know,
 * and whatever stands in a text of ours, since it may be used as a key.
 */

import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";

import { type ESTree, minifySync, normalizePath, parseSync, type Plugin } from "vite";

/** Where names begin that others see: a module of `src`, and one of its declarations, or all that it exports. */
const ALL = "*";
const SHOWN: readonly (readonly [module: string, declaration: string])[] = [
  ["index.ts", ALL],
  // On the wire to the server, to peers, and to other pages.
  ["protocol/events.ts", ALL],
  ["protocol/errors.ts", ALL],
  ["engine/packets.ts", "Handshake"],
  ["engine/packets.ts", "Placeholder"],
  ["negotiation/signals.ts", "Request"],
  ["negotiation/events.ts", "Description"],
  ["page-identity.ts", "Said"],
];
/** What Node has, or some browsers have (the network of `navigator`), and the types of browsers don't. */
const UNTYPED = ["setImmediate", "connection"];

type Node = ESTree.Node;

/** Minify the bundle, which has to be one file. */
export function mangling(): Plugin {
  let root = "";
  return {
    name: "mangling",
    apply: "build",
    config: () => ({ build: { minify: false } }), // that is done here
    configResolved: (config) => void (root = normalizePath(join(config.root, "src"))),
    generateBundle(_, bundle) {
      const [chunk, ...more] = Object.values(bundle);
      if (chunk?.type !== "chunk" || more.length > 0) throw new Error("names are shortened in one file alone");
      const names = [...ownNames(chunk.modules, root)].sort();
      const { code, errors } = minifySync(chunk.fileName, withoutEmptyFields(chunk.code), {
        module: true,
        compress: { target: "es2022" },
        mangle: true,
        mangleProps: { include: new RegExp(`^(?:${names.join("|").replaceAll("$", "\\$")})$`) },
      });
      if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join("; "));
      chunk.code = code;
    },
  };
}

/** Without fields that are declared and have no value: what is not assigned is undefined as well. */
function withoutEmptyFields(code: string): string {
  let [rest, at] = ["", 0];
  for (const node of nodes(parseSync("bundle.js", code).program)) {
    if (node.type !== "PropertyDefinition" || node.value !== null || node.static || node.key.type !== "Identifier") continue;
    rest += code.slice(at, node.start);
    at = node.end;
  }
  return rest + code.slice(at);
}

/** Names of properties that only the code below `root` uses. `modules`: all of the bundle, by the paths of their files. */
export function ownNames(modules: Readonly<Record<string, { readonly code: string | null }>>, root: string): Set<string> {
  const used = new Set<string>();
  const taken = new Set([...UNTYPED, ...platformNames(), ...shownNames(root)]);
  for (const [path, { code }] of Object.entries(modules)) {
    const ours = path.startsWith(root);
    for (const node of nodes(parseSync("module.js", code ?? "").program)) {
      if (node.type === "Literal" && typeof node.value === "string") taken.add(node.value);
      else if (node.type === "TemplateElement") taken.add(node.value.raw);
      else if (!ours && node.type === "Identifier") taken.add(node.name);
      else if (ours) addProperty(node, used);
    }
  }
  return new Set([...used].filter((name) => !taken.has(name)));
}

/** Names in the declarations of `SHOWN`, and in all that these mention. */
export function shownNames(root: string): Set<string> {
  const names = new Set<string>();
  const modules = new Map<string, Module>();
  const seen = new Set<string>();
  const show = (file: string, declaration: string): void => {
    if (seen.has(`${file} ${declaration}`)) return;
    seen.add(`${file} ${declaration}`);
    const module = modules.get(file) ?? new Module(file);
    modules.set(file, module);
    const elsewhere = module.elsewhere.get(declaration);
    if (elsewhere !== undefined) show(...elsewhere);
    if (declaration === ALL) for (const one of module.exported) show(file, one);
    for (const node of module.declarations.get(declaration) ?? []) {
      for (const part of nodes(node, (one) => module.isHidden(one))) {
        addProperty(part, names);
        if (part.type === "Identifier") show(file, part.name);
      }
    }
  };
  for (const [path, declaration] of SHOWN) {
    const count = names.size;
    show(join(root, path), declaration);
    if (names.size === count) throw new Error(`nothing is shown by ${declaration} of ${path}: is it somewhere else now?`);
  }
  return names;
}

/** A source, by its declarations. */
class Module {
  readonly declarations = new Map<string, Node[]>();
  /** What comes from other sources of ours: where it is declared, and its name there. */
  readonly elsewhere = new Map<string, [file: string, declaration: string]>();
  readonly exported: string[] = [];
  /** Where something begins that is marked as internal. */
  readonly #internal = new Set<number>();

  constructor(file: string) {
    const text = readFileSync(file, "utf8");
    const { program, comments } = parseSync(file, text);
    for (const { value, end } of comments) {
      if (value.includes("@internal")) this.#internal.add(end + /^\s*/.exec(text.slice(end))![0].length);
    }
    for (const statement of program.body) {
      if ("source" in statement && statement.source != null && "specifiers" in statement) {
        if (!statement.source.value.startsWith(".")) continue;
        const source = resolve(dirname(file), statement.source.value);
        for (const specifier of statement.specifiers) {
          if (specifier.type === "ExportSpecifier") {
            this.elsewhere.set(nameOf(specifier.exported), [source, nameOf(specifier.local)]);
            this.exported.push(nameOf(specifier.exported));
          } else {
            const there = specifier.type === "ImportSpecifier" ? nameOf(specifier.imported) : ALL;
            this.elsewhere.set(specifier.local.name, [source, there]);
          }
        }
      } else {
        const isExport = statement.type === "ExportNamedDeclaration";
        for (const declared of declarationsOf((isExport ? statement.declaration : null) ?? statement)) {
          if (!("id" in declared) || declared.id?.type !== "Identifier") continue;
          const { name } = declared.id;
          this.declarations.set(name, [...(this.declarations.get(name) ?? []), declared]);
          if (isExport) this.exported.push(name);
        }
      }
    }
  }

  /** Whether nobody outside sees this: what is private or internal, and what functions do. */
  isHidden(node: Node): boolean {
    if (this.#internal.has(node.start) || node.type === "BlockStatement") return true;
    return "key" in node && node.key?.type === "PrivateIdentifier";
  }
}

/** All names that the platform has: JavaScript's, and those of browsers. */
function platformNames(): Set<string> {
  const compiler = createRequire(createRequire(import.meta.url).resolve("typescript/package.json"));
  const types = dirname(compiler.resolve(`@typescript/typescript-${process.platform}-${process.arch}/package.json`));
  const names = new Set<string>();
  for (const file of readdirSync(join(types, "lib"))) {
    if (!/^lib\.(es|dom).*\.d\.ts$/.test(file)) continue;
    for (const node of nodes(parseSync(file, readFileSync(join(types, "lib", file), "utf8")).program)) {
      addProperty(node, names);
      if (node.type === "VariableDeclarator" && node.id.type === "Identifier") names.add(node.id.name);
    }
  }
  return names;
}

function declarationsOf(statement: Node): readonly Node[] {
  return statement.type === "VariableDeclaration" ? statement.declarations : [statement];
}

function nameOf(node: ESTree.ModuleExportName): string {
  return node.type === "Literal" ? node.value : node.name;
}

/** If this names a property, add the name. */
function addProperty(node: Node, names: Set<string>): void {
  if ("computed" in node && node.computed) return;
  const key = node.type === "MemberExpression" ? node.property : "key" in node ? node.key : null;
  if (key?.type === "Identifier") names.add(key.name);
  if (key?.type === "Literal") names.add(String(key.value));
}

/** A tree's nodes, but for those that are to be passed over. */
export function* nodes(value: unknown, isHidden: (node: Node) => boolean = () => false): Generator<Node> {
  if (Array.isArray(value)) {
    for (const item of value) yield* nodes(item, isHidden);
  } else if (typeof value === "object" && value !== null && "type" in value) {
    if (isHidden(value as Node)) return;
    yield value as Node;
    for (const part of Object.values(value)) if (typeof part === "object") yield* nodes(part, isHidden);
  }
}
