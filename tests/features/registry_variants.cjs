// Compile each folder's TypeScript and load its registry in a worker of its own: node FILE TYPESCRIPT FOLDERS EXPORT
const fs = require('node:fs');
const path = require('node:path');
const { Worker } = require('node:worker_threads');

const [typescript, listed, name] = process.argv.slice(2);
const ts = require(typescript);
const compilerOptions = {
  module: ts.ModuleKind.CommonJS,
  target: ts.ScriptTarget.ES2022,
  esModuleInterop: true,
  experimentalDecorators: true,
};

const LOAD = `
const { parentPort, workerData } = require('node:worker_threads');
const entry = (f) => f && typeof f === 'object' ? { name: f.name, ttlSec: f.ttlSec, dtype: f.dtype } : { name: String(f) };
console.log = console.info = () => {};
try {
  const all = require(workerData.file)[workerData.name];
  const values = Array.isArray(all) ? all : all instanceof Map ? [...all.values()] : Object.values(all);
  parentPort.postMessage(Array.from(values, entry));
} catch (error) {
  parentPort.postMessage({ error: String(error) });
}`;

function compiled(folder) {
  for (const file of fs.readdirSync(folder).filter((one) => one.endsWith('.ts'))) {
    const code = fs.readFileSync(path.join(folder, file), 'utf8');
    fs.writeFileSync(path.join(folder, file.replace(/ts$/, 'js')), ts.transpileModule(code, { compilerOptions }).outputText);
  }
  return path.join(folder, 'registry.js');
}

function loaded(folder) {
  return new Promise((done) => {
    const worker = new Worker(LOAD, { eval: true, workerData: { file: compiled(folder), name } });
    const timer = setTimeout(() => worker.terminate(), 20000);
    let found = { error: 'nothing' };
    worker.on('message', (value) => { found = value; });
    worker.on('error', (error) => { found = { error: String(error) }; });
    worker.on('exit', () => { clearTimeout(timer); done(found); });
  });
}

(async () => {
  const found = [];
  const folders = JSON.parse(fs.readFileSync(listed, 'utf8'));
  for (let at = 0; at < folders.length; at += 4) found.push(...(await Promise.all(folders.slice(at, at + 4).map(loaded))));
  console.log(JSON.stringify(found));
})();
