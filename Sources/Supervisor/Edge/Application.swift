import Base
import Linux
import SupervisorCore

/// The program behind the command line: one entry for each command, each ending in an exit status.
public enum Application {
    /// `arguments` without the program's name.
    public static func main(_ arguments: [String]) -> Int32 {
        switch Command.parse(arguments) {
        case .success(let command): self.execute(command).rawValue
        case .failure(let error): self.fail(.usage, error.description).rawValue
        }
    }

    private static func execute(_ command: Command) -> ExitCode {
        do throws(Startup.Failure) {
            switch command {
            case .run(let options): return try RunCommand.run(options)
            case .checkConfiguration(let options): return try RunCommand.check(options)
            case .createKey(let group, let expires, let file): try KeyCommands.create(group: group, expires: expires, file)
            case .listKeys(let file): try KeyCommands.list(file)
            case .revokeKey(let id, let file): try KeyCommands.revoke(id: id, file)
            case .version: self.print("mcp-supervisor \(Product.version)")
            case .help(let topic): self.print(topic.text, terminator: "")
            }
            return .success
        } catch {
            return self.fail(error.code, error.text)
        }
    }

    static func print(_ text: String, terminator: String = "\n") {
        // A reader of our output that has gone (`| head`) is nobody's failure.
        try? FileDescriptor.standardOutput.writeAll(Array((text + terminator).utf8).span)
    }

    static func printError(_ text: String) {
        try? FileDescriptor.standardError.writeAll(Array("mcp-supervisor: \(text)\n".utf8).span)
    }

    private static func fail(_ code: ExitCode, _ text: String) -> ExitCode {
        self.printError(text)
        return code
    }
}
