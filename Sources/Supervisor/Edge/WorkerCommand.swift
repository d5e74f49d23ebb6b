import Base
import Linux
import SupervisorCore

/// What is executed for a server: our own worker, or the guard around a third-party program.
struct WorkerCommand {
    /// Absolute path of `mcp-worker`.
    let workerProgram: [UInt8]
    /// Where the sample database is.
    let samplePath: String

    /// Variables that a worker gets from ours. Everything else, secrets above all, stays here.
    static let passedVariables = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER", "LOGNAME"]

    struct Launch {
        let arguments: [[UInt8]]
        let environment: [[UInt8]]
        let directory: [UInt8]?
        /// One socket for both directions: our own worker can do that. Others may reopen `/dev/stdin`, which needs pipes.
        let usesSocket: Bool
    }

    func launch(_ server: ServerConfiguration) -> Launch {
        switch server.kind {
        case .sql(let databases):
            var arguments: [[UInt8]] = [Array("sql".utf8)]
            for database in databases {
                let path =
                    switch database.source {
                    case .sample: self.samplePath
                    case .sqlite(let path): path
                    }
                arguments += [Array("--database".utf8), Array("\(database.name)=sqlite://\(path)".utf8)]
            }
            return Launch(arguments: arguments, environment: Self.environment(adding: []), directory: nil, usesSocket: true)
        case .command(let specification):
            var arguments = ["launch", "--lifeline-fd", "3", "--", specification.command].map { Array($0.utf8) }
            arguments += specification.arguments.map { Array($0.utf8) }
            return Launch(
                arguments: arguments, environment: Self.environment(adding: specification.environment),
                directory: specification.directory.map { Array($0.utf8) }, usesSocket: false)
        }
    }

    private static func environment(adding variables: [EnvironmentVariable]) -> [[UInt8]] {
        var environment: [[UInt8]] = []
        for name in Self.passedVariables where !variables.contains(where: { $0.name == name }) {
            guard let value = ProcessEnvironment.value(name) else { continue }
            environment.append(Array("\(name)=".utf8) + value)
        }
        return environment + variables.map { Array("\($0.name)=\($0.value)".utf8) }
    }
}
