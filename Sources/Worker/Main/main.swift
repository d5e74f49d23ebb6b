import Linux
import WorkerCore
import WorkerEdge

GuardProcess.runIfAsked()

do throws(UsageError) {
    switch try WorkerCommand.parse(Array(CommandLine.arguments.dropFirst())) {
    case .sql(let configuration): WorkerProcess.serve(configuration)
    case .sample(let path): WorkerProcess.exit(WorkerProcess.writeSample(to: path))
    case .version: print("mcp-worker \(ServerIdentity.version)")
    case .help: print(WorkerCommand.usage, terminator: "")
    }
} catch {
    WorkerProcess.complain("\(error.message)\n\(WorkerCommand.usage)")
    WorkerProcess.exit(WorkerProcess.ExitCode.usage)
}
