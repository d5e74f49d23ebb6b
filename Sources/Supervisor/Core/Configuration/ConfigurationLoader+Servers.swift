import Base

/// The servers behind the supervisor, and which of them is the default.
extension ConfigurationLoader {
    // Bound: each server is at least one process.
    private static let serversMax = 256

    mutating func servers() -> [ServerConfiguration] {
        let names = self.settings.names(under: ["mcpServers"])
        if let command = self.input.options.command {
            if !names.isEmpty {
                self.findings.warning("mcpServers", "not used, because a command follows -- on the command line")
            }
            return self.commandServer(command)
        }
        guard !names.isEmpty else {
            if self.input.file != nil {
                self.findings.warning("mcpServers", "no server is named, so the built-in one over the sample database is served")
            }
            let database = DatabaseConfiguration(name: "sample", source: .sample)
            return [self.configured("data", .sql([database]))]
        }
        if names.count > Self.serversMax { self.findings.error("mcpServers", "has more than \(Self.serversMax) servers") }
        let servers = names.compactMap { self.server($0) }
        if servers.isEmpty, !self.findings.hasErrors {
            self.findings.error("mcpServers", "none of the servers can be run by this version")
        }
        return servers
    }

    private mutating func commandServer(_ command: [String]) -> [ServerConfiguration] {
        guard let program = command.first, !program.isEmpty else {
            self.findings.error("--", "needs a command after it")
            return []
        }
        let specification = CommandSpecification(
            command: program, arguments: Array(command.dropFirst()), environment: [], directory: nil)
        return [self.configured("default", .command(specification))]
    }

    mutating func defaultServer(_ servers: [ServerConfiguration]) -> Int {
        guard let name = self.settings.string("defaultServer"), self.input.options.command == nil else { return 0 }
        if let index = servers.firstIndex(where: { $0.name == name }) { return index }
        let names = self.settings.names(under: ["mcpServers"])
        if names.contains(name) {
            self.findings.error("defaultServer", "\(name) is disabled or cannot be run by this version")
        } else {
            let hint = Suggestion.nearest(to: name, among: names).map { "; did you mean \($0)?" } ?? ""
            self.findings.error("defaultServer", "no server is called \(name)\(hint)")
        }
        return 0
    }

    /// Nil when the server is disabled, cannot be run by this version, or is wrong.
    private mutating func server(_ name: String) -> ServerConfiguration? {
        let path = ["mcpServers", name]
        let place = path.joined(separator: ".")
        guard Self.isServerName(name) else {
            self.findings.error(place, "the name has 1 to 64 characters of A-Z a-z 0-9 . _ - and does not begin with a dot")
            return nil
        }
        let builtin = self.settings.string(path + ["builtin"])
        let command = self.settings.string(path + ["command"])
        let kind: ServerConfiguration.Kind?
        switch (builtin, command) {
        case (nil, nil):
            self.findings.error(place, "needs either command or builtin")
            return nil
        case (.some, .some):
            self.findings.error(place, "has both command and builtin")
            return nil
        case (nil, let command?): kind = self.command(command, path)
        case ("documents", nil):
            self.findings.warning("\(place).builtin", "accepted, but documents comes in a later version: the server is left out")
            kind = nil
        case (.some, nil): kind = self.sql(path)
        }
        guard let kind, !self.settings.boolean(path + ["disabled"]) else { return nil }
        return self.configured(name, kind)
    }

    static func isServerName(_ name: String) -> Bool {
        let bytes = name.utf8
        guard (1...64).contains(bytes.count), bytes.first != 0x2E else { return false }
        return bytes.allSatisfy {
            ASCII.isDigit($0) || (ASCII.lowercased($0) >= 0x61 && ASCII.lowercased($0) <= 0x7A) || $0 == 0x2D || $0 == 0x2E
                || $0 == 0x5F
        }
    }

    private mutating func command(_ command: String, _ path: [String]) -> ServerConfiguration.Kind? {
        let place = path.joined(separator: ".")
        if command.isEmpty {
            self.findings.error("\(place).command", "must not be empty")
        } else if command.contains("/"), !command.hasPrefix("/") {
            self.findings.error("\(place).command", "must be an absolute path, or a name that is looked up in PATH")
        }
        let directory = self.settings.string(path + ["cwd"])
        if let directory, !directory.hasPrefix("/") { self.findings.error("\(place).cwd", "must be an absolute path") }
        for name in self.settings.names(under: path + ["databases"]) {
            self.findings.error("\(place).databases.\(name)", "only a builtin sql server has databases")
        }
        let environment = self.settings.names(under: path + ["env"]).compactMap { name -> EnvironmentVariable? in
            guard !name.isEmpty, !name.contains("="), !name.utf8.contains(0) else {
                self.findings.error("\(place).env.\(name)", "is no name of a variable")
                return nil
            }
            return self.settings.string(path + ["env", name]).map { EnvironmentVariable(name: name, value: $0) }
        }
        return .command(
            CommandSpecification(
                command: command, arguments: self.settings.strings(path + ["args"]), environment: environment,
                directory: directory))
    }

    private mutating func sql(_ path: [String]) -> ServerConfiguration.Kind? {
        let place = path.joined(separator: ".")
        for key in ["args", "cwd"] where self.settings.isSet(path + [key]) {
            self.findings.error("\(place).\(key)", "only a server with a command has it")
        }
        if !self.settings.names(under: path + ["env"]).isEmpty {
            self.findings.error("\(place).env", "only a server with a command has it")
        }
        let names = self.settings.names(under: path + ["databases"])
        guard !names.isEmpty else {
            self.findings.error("\(place).databases", "needs at least one database")
            return nil
        }
        let databases = names.compactMap { self.database($0, path) }
        return databases.isEmpty ? nil : .sql(databases)
    }

    private mutating func database(_ name: String, _ path: [String]) -> DatabaseConfiguration? {
        let place = (path + ["databases", name]).joined(separator: ".")
        guard let text = self.settings.string(path + ["databases", name]) else { return nil }
        guard Self.isServerName(name) else {
            self.findings.error(place, "the name has 1 to 64 characters of A-Z a-z 0-9 . _ - and does not begin with a dot")
            return nil
        }
        if text == "sample:" { return DatabaseConfiguration(name: name, source: .sample) }
        if text.hasPrefix("postgresql://") || text.hasPrefix("postgres://") {
            self.findings.warning(place, "accepted, but PostgreSQL comes in a later version: the database is left out")
            return nil
        }
        guard text.hasPrefix("sqlite:///") else {
            // The value may hold a password, so it is not repeated.
            self.findings.error(place, "must be sqlite:// and an absolute path, such as sqlite:///var/lib/shop.db, or sample:")
            return nil
        }
        let file = String(text.dropFirst(9))
        guard !file.utf8.contains(where: { $0 == 0x3F || $0 == 0x23 || $0 == 0x25 }), !file.hasSuffix("/") else {
            self.findings.error(place, "the path of a database file is taken as it is; it must not hold ? # % or end in /")
            return nil
        }
        return DatabaseConfiguration(name: name, source: .sqlite(path: file))
    }

    private func configured(_ name: String, _ kind: ServerConfiguration.Kind) -> ServerConfiguration {
        let path = ["mcpServers", name]
        return ServerConfiguration(
            name: name, kind: kind, workers: self.workers(name),
            era: self.settings.string(path + ["era"]).flatMap { EraSetting(rawValue: $0) } ?? .auto,
            isStateless: self.settings.isSet(path + ["stateless"]) ? self.settings.boolean(path + ["stateless"]) : nil)
    }

    private func workers(_ name: String) -> WorkerSettings {
        let path = ["mcpServers", name, "workers"]
        return WorkerSettings(
            concurrency: self.settings.integer(path + ["concurrency"]), queueMax: self.settings.integer(path + ["queue"]),
            queueBytesMax: self.settings.integer(path + ["queueBytes"]),
            startTimeout: self.settings.duration(path + ["startTimeout"]),
            callTimeout: self.settings.duration(path + ["callTimeout"]))
    }
}
