import Base

/// What the arguments of `mcp-worker` ask for.
public enum WorkerCommand: Equatable, Sendable {
    case sql(SQLConfiguration)
    case sample(path: [UInt8])
    case version
    case help

    public static let usage = """
        usage: mcp-worker sql [options]      serve databases over MCP on standard input and output
               mcp-worker sample PATH        write the sample database to PATH
               mcp-worker launch …                used by mcp-supervisor to start other servers
               mcp-worker --version | --help

        options of sql:
          --database NAME=sqlite:///PATH     a database to serve; repeat for more
          --access all|views                 what queries may name: every table and view, or views only (all)
          --query-time TIME                  longest run of one call, as 500ms, 5s, 1m (5s)
          --rows-max N                       most rows of one result (1000)
          --result-bytes-max SIZE            largest result, as 1048576, 512K, 1M (1M)
          --memory-max SIZE                  most memory of the engine (64M)
          --concurrency N                    calls that run at once (4)

        """

    /// `arguments` are those behind the program's name.
    public static func parse(_ arguments: [String]) throws(UsageError) -> WorkerCommand {
        guard let first = arguments.first else { throw UsageError("no command: sql, sample, --version or --help") }
        let rest = Array(arguments.dropFirst())
        switch first {
        case "--version": return .version
        case "--help", "-h", "help": return .help
        case "sql": return rest.contains("--help") ? .help : .sql(try self.parseSQL(rest))
        case "sample":
            guard rest.count == 1, let path = rest.first, !path.isEmpty else { throw UsageError("sample needs one PATH") }
            return .sample(path: Array(path.utf8))
        default: throw UsageError("unknown command: \(first)")
        }
    }

    private static func parseSQL(_ arguments: [String]) throws(UsageError) -> SQLConfiguration {
        var configuration = SQLConfiguration()
        var position = 0
        while position < arguments.count {  // Bound: the arguments.
            var option = arguments[position]
            position += 1
            let value: String
            if let equals = option.utf8.firstIndex(of: 0x3D), option.utf8.starts(with: "--".utf8) {
                value = String(option[option.utf8.index(after: equals)...])
                option = String(option[..<equals])
            } else {
                guard position < arguments.count else { throw UsageError("\(option) needs a value, or is unknown") }
                value = arguments[position]
                position += 1
            }
            try self.apply(option, value, to: &configuration)
        }
        return configuration
    }

    private static func apply(
        _ option: String, _ value: String, to configuration: inout SQLConfiguration
    ) throws(UsageError) {
        let text = Array(value.utf8)
        let refusal = UsageError("\(option): not a valid value: \(value)")
        switch option {
        case "--database":
            let database = try self.database(text)
            guard !configuration.databases.contains(where: { $0.name == database.name }) else {
                throw UsageError("--database: the name is there twice: \(value)")
            }
            configuration.databases.append(database)
        case "--access":
            switch value {
            case "all": configuration.access = .all
            case "views": configuration.access = .views
            default: throw refusal
            }
        case "--query-time":
            guard let time = Quantity.interval(text), time <= .hours(1) else { throw refusal }
            configuration.limits.queryTime = time
        case "--rows-max":
            guard let rows = Quantity.count(text, in: 1...1_000_000) else { throw refusal }
            configuration.limits.rowsMax = rows
        case "--result-bytes-max":
            guard let bytes = Quantity.bytes(text), bytes >= 1 << 10, bytes <= 1 << 28 else { throw refusal }
            configuration.limits.resultBytesMax = Int(bytes)
        case "--memory-max":
            guard let bytes = Quantity.bytes(text), bytes >= 1 << 20 else { throw refusal }
            configuration.limits.memoryMax = bytes
        case "--concurrency":
            guard let count = Quantity.count(text, in: 1...64) else { throw refusal }
            configuration.limits.concurrency = count
        default: throw UsageError("unknown option: \(option)")
        }
    }

    /// `NAME=sqlite:///PATH`, where PATH may hold percent-encoded bytes.
    private static func database(_ text: [UInt8]) throws(UsageError) -> DatabaseConfiguration {
        let refusal = UsageError("--database needs NAME=sqlite:///PATH")
        guard let equals = text.firstIndex(of: 0x3D), equals > 0, equals <= 64 else { throw refusal }
        let name = Array(text[..<equals])
        let url = Array(text[(equals + 1)...])
        let scheme = [UInt8]("sqlite://")
        guard url.starts(with: scheme), let path = self.percentDecoded(Array(url.dropFirst(scheme.count))) else { throw refusal }
        guard path.first == 0x2F, !path.contains(0) else { throw refusal }
        guard name.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }) else {
            throw UsageError("--database: a name is made of printable ASCII without spaces, quotes and backslashes")
        }
        return DatabaseConfiguration(name: name, path: path)
    }

    private static func percentDecoded(_ text: [UInt8]) -> [UInt8]? {
        var output: [UInt8] = []
        var position = 0
        while position < text.count {  // Bound: one byte or more a round.
            guard text[position] == 0x25 else {
                output.append(text[position])
                position += 1
                continue
            }
            guard position + 2 < text.count, let high = ASCII.hexValue(text[position + 1]),
                let low = ASCII.hexValue(text[position + 2])
            else { return nil }
            output.append(high << 4 | low)
            position += 3
        }
        return output
    }
}

/// The arguments make no command. Exit code 64.
public struct UsageError: Error, Equatable, Sendable {
    public let message: String

    init(_ message: String) { self.message = message }
}
