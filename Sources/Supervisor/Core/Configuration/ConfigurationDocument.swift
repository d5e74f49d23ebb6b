/// `docs/configuration.md`: every key, option and variable, written from the tables that the loader itself reads by. A test compares
/// the file in the tree with this text.
enum ConfigurationDocument {
    static var markdown: String {
        self.head + self.options + self.profiles + self.keys + self.exitCodes
    }

    private static let head = """
        # Configuration

        <!-- Written by ConfigurationDocumentTests from the tables in Sources/Supervisor/Core/Configuration; do not edit. -->

        The configuration is one JSON file, in which comments (`//`, `/* */`) and trailing commas are allowed. Every key has a
        default; without a file the built-in SQL server over a sample is served on both loopback addresses. What is said in several
        places is decided by the strongest: **flag > environment > file > profile > default**.

        `mcp-supervisor check-config FILE` prints everything that is wrong at once and exits with 0 or 78. An unknown key is an
        error, with its path and the nearest known key. A key whose feature comes in a later version is accepted, checked, and named
        in a warning that says what does not happen; below it is marked *later*.

        Times are written with a unit (`500ms`, `10s`, `5m`, `1h`, `1d`), sizes with `K`, `M`, `G` (powers of 1024) or as a number of
        bytes.

        Refused at start: listening where other machines can connect without keys (`auth.keys` or `AUTH_TOKENS`), and
        `auth.required: false` there. This version has no TLS of its own: where other machines can connect it warns that a TLS proxy
        must stand in front, because keys and data are readable on the way. Who may come in is decided by the keys alone; the
        address a proxy forwards for is not believed yet. Keys that are not asked for, on loopback and Unix sockets, are warned of.

        What is wrong or surprising is written to stderr in plain text, one finding a line, whatever `log.format` is: the log begins
        when the configuration has been accepted. A configured command that is not there is such a warning, and the other servers
        run; the command after `--` must be there (exit 78). Running as root is warned of in the log, since workers run as root then,
        too.

        With `--transport stdio`, and with the command `stdio`, one local client is served on stdin and stdout by the default server.
        `listen` and what concerns addresses is not used then, so a file can do for both; with `both`, it is used.


        """

    private static var options: String {
        var text = """
            ## Options and variables

            | Option | Variable | Key |
            |---|---|---|

            """
        for name in RunOptions.Name.allCases {
            let key =
                switch name {
                case .logLevel: "`log.level`"
                case .logFormat: "`log.format`"
                case .listen: "`listen`"
                case .host, .port: "`listen`, one half of an address"
                case .isolation: "`mcpServers.*.isolation`"
                case .config, .profile, .transport, .runtimeDirectory, .stateDirectory: ""
                }
            text += "| `--\(name.rawValue)` | `\(name.variable)` | \(key) |\n"
        }
        return text + """

            `AUTH_TOKENS` holds further API keys, separated by commas. `RUNTIME_DIRECTORY` and `STATE_DIRECTORY`, as systemd sets them,
            are used when the options are not given, then `/run/mcp-supervisor` and `/var/lib/mcp-supervisor`, then
            `$XDG_RUNTIME_DIR/mcp-supervisor` and `~/.local/state/mcp-supervisor`. A runtime directory that is named, by option or variable,
            holds a locked file `pid`: a second supervisor there ends with 69.


            """
    }

    private static var profiles: String {
        var text = """
            ## Profiles

            `--profile` chooses defaults for a kind of installation. `production`, the default, changes nothing.

            | Profile | Key | Default there |
            |---|---|---|

            """
        for change in ConfigurationKey.profiles {
            text += "| \(change.profile.rawValue) | `\(change.path)` | `\(change.value)` |\n"
        }
        return text + "\n"
    }

    private static var keys: String {
        var text = "## Keys\n\n`*` stands for a name of your choice.\n"
        var section = ""
        for key in ConfigurationKey.all where key.path != "$schema" {
            let own = Self.section(of: key)
            if own != section {
                section = own
                text += "\n### \(own)\n\n| Key | Takes | Default | Meaning |\n|---|---|---|---|\n"
            }
            let upper = Self.ordered(key).map { ", at most `\($0)`" } ?? ""
            let fallback = key.fallback.map { "`\($0)`\(upper)" } ?? ""
            text +=
                "| `\(key.path)` | \(Self.escaped(key.kind.description)) | \(fallback) | \(Self.escaped(Self.meaning(of: key))) |\n"
        }
        return text + "\n"
    }

    private static func ordered(_ key: ConfigurationKey) -> String? {
        ConfigurationKey.ordered.first { $0.lower == key.path }?.upper
    }

    private static func section(of key: ConfigurationKey) -> String {
        switch key.components[0] {
        case "mcpServers": "mcpServers"
        case "limits": "limits"
        case "auth": "auth"
        case "groups", "scheduling": "groups and scheduling"
        case "cors": "cors"
        case "log": "log"
        case "drain", "restart": "drain and restart"
        default: "Listening"
        }
    }

    private static func meaning(of key: ConfigurationKey) -> String {
        switch key.status {
        case .works: key.meaning
        case .later(let consequence): "\(key.meaning) *Later; in this version \(consequence).*"
        case .clientOnly: "\(key.meaning) *Accepted, not used.*"
        }
    }

    private static func escaped(_ text: String) -> String { text.split(separator: "|").joined(separator: "\\|") }

    private static var exitCodes: String {
        var text = "## Exit codes\n\n| Code | Meaning |\n|---|---|\n"
        for code in ExitCode.allCases { text += "| \(code.rawValue) | \(code.meaning) |\n" }
        return text
    }
}
