import Linux
import SupervisorCore

/// Whether the programs that servers are made of can be started, found out before anybody waits for one.
enum Programs {
    /// `mcp-worker` lies beside `mcp-supervisor`. Without it nothing can be started, not even the guard of a third-party server.
    static func worker() throws(Startup.Failure) -> [UInt8] {
        guard let own = try? Files.readLink("/proc/self/exe"), let slash = own.lastIndex(of: 0x2F) else {
            throw Startup.Failure(code: .software, text: "cannot find out where this program is: /proc is needed")
        }
        let path = own[..<slash] + Array("/mcp-worker".utf8)
        do {
            try Files.checkExecutable(String(decoding: path, as: UTF8.self))
        } catch {
            throw Startup.Failure(
                code: .unavailable,
                text: """
                    cannot use \(String(decoding: path, as: UTF8.self)): \(error.errno). Workers are started with that program; \
                    install it beside mcp-supervisor
                    """)
        }
        return Array(path)
    }

    /// A warning for each server whose command cannot be started now.
    static func findings(_ servers: [ServerConfiguration]) -> [Finding] {
        servers.compactMap { server in
            guard case .command(let command) = server.kind, let problem = Self.problem(command) else { return nil }
            return Finding(.warning, "mcpServers.\(server.name).command", problem)
        }
    }

    /// Why the command cannot be started, or nil. Only what is certain: a script may still lack its interpreter.
    static func problem(_ command: CommandSpecification) -> String? {
        if let directory = command.directory, !Files.isDirectory(directory) {
            return "\(command.command) cannot be started in \(directory), which is no directory that can be entered"
        }
        guard !command.command.contains("/") else {
            let base = command.command.hasPrefix("/") ? nil : command.directory
            let path = base.map { "\($0)/\(command.command)" } ?? command.command
            do {
                try Files.checkExecutable(path)
                return nil
            } catch {
                return "\(path) cannot be started: \(error.errno)"
            }
        }
        let path = Self.searchPath(command)
        var refused: String?
        for directory in path.split(separator: ":") {  // Bound: the length of PATH.
            do {
                try Files.checkExecutable("\(directory)/\(command.command)")
                return nil
            } catch {
                if error.errno != .noEntry { refused = refused ?? "\(directory)/\(command.command): \(error.errno)" }
            }
        }
        if let refused { return "\(command.command) cannot be started (\(refused)), looked for in PATH=\(path)" }
        return "there is no program \(command.command) in PATH=\(path)"
    }

    /// The file that will be started for the command, as far as that can be told.
    static func file(_ command: CommandSpecification) -> String? {
        if command.command.contains("/") {
            guard !command.command.hasPrefix("/"), let base = command.directory else { return command.command }
            return "\(base)/\(command.command)"
        }
        return Self.searchPath(command).split(separator: ":").map { "\($0)/\(command.command)" }
            .first { (try? Files.checkExecutable($0)) != nil }
    }

    /// The PATH that the program will be looked for in: the server's own, else ours.
    private static func searchPath(_ command: CommandSpecification) -> String {
        command.environment.first { $0.name == "PATH" }?.value ?? ProcessEnvironment.text("PATH") ?? "/bin:/usr/bin"
    }
}
