// Runs the code execution tool of @librechat/agents. Each line of standard input is a call; each line of standard output
// its result. Usage: node code_execution_tool.cjs PACKAGE BASE_URL
const readline = require('node:readline');
const path = require('node:path');

const [folder, baseUrl] = process.argv.slice(2);
const { createCodeExecutionTool } = require(path.join(folder, 'dist/cjs/tools/CodeExecutor.cjs'));

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { args, files, apiKey } = JSON.parse(line);
    const tool = createCodeExecutionTool({ baseUrl, authHeaders: apiKey ? { 'X-API-Key': apiKey } : {} });
    const call = { type: 'tool_call', id: 'call', name: 'execute_code', args, _injected_files: files };
    try {
      const message = await tool.invoke(call);
      console.log(JSON.stringify({ content: message.content, artifact: message.artifact }));
    } catch (error) {
      console.log(JSON.stringify({ error: error.message }));
    }
  }
}

main();
