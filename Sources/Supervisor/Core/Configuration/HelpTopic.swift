/// The texts of `--help` and `help COMMAND`. At most 80 columns, for terminals.
public enum HelpTopic: String, CaseIterable, Sendable {
    case overview
    case run
    case stdio
    case checkConfig = "check-config"
    case key
    case help

    public var text: String {
        switch self {
        case .overview: Self.overviewText
        case .run: Self.runText
        case .stdio: Self.stdioText
        case .checkConfig: Self.checkConfigText
        case .key: Self.keyText
        case .help: "mcp-supervisor help [COMMAND]\n\nSays how a command is used. Commands: run, stdio, check-config, key.\n"
        }
    }

    private static var exitCodes: String {
        ExitCode.allCases.map { "  \($0.rawValue == 0 ? " 0" : String($0.rawValue))  \($0.meaning)\n" }.joined()
    }

    private static let overviewText = """
        mcp-supervisor puts MCP servers in front of many clients at once.

        Usage:
          mcp-supervisor run [options] [-- command args…]   serve in the foreground
          mcp-supervisor stdio [options] [-- command args…] serve one local client
          mcp-supervisor check-config [FILE]                check a configuration
          mcp-supervisor key create|list|revoke             manage API keys
          mcp-supervisor help [COMMAND]                     say more about a command
          mcp-supervisor --version

        Without configuration, run serves the built-in SQL server over a sample
        database at http://127.0.0.1:8000/mcp.

        Exit codes:
        \(exitCodes)
        """

    private static let runText = """
        mcp-supervisor run [options] [-- command args…]

        Serves MCP over HTTP in the foreground until SIGTERM or SIGINT; running
        calls then finish first. A second signal shortens that.

        With a command after --, that program, which speaks MCP over stdin and
        stdout, is served as the server "default", instead of those in the file.
        Without command and file, the built-in SQL server over a sample is served.

        Options, each also as a variable MCP_SUPERVISOR_<NAME>:
          --config FILE          JSON file with the configuration; comments allowed
          --profile NAME         development, staging or production (the default):
                                 which defaults hold
          --listen ADDRESS       where to accept connections, repeatable:
                                 127.0.0.1:8000, [::1]:8000, localhost:8000,
                                 unix:/path, fd:NAME (a socket of systemd's)
          --host HOST            IP address or localhost, instead of --listen;
                                 default: localhost, that is 127.0.0.1 and ::1
          --port N               port, instead of --listen; default: 8000
          --log-level LEVEL      debug, info, notice, warning, error, critical,
                                 alert or emergency; default: info
          --log-format FORMAT    json (the default) or text
          --runtime-dir DIR      for the pid file; a second supervisor with the
                                 same one ends with 69
          --state-dir DIR        for what must survive a restart, such as the sample
          --transport NAME       http (the default), stdio for one client on our
                                 stdin and stdout, or both
          --isolation LEVEL      moderate or relaxed; without effect in this
                                 version, which has no sandbox (strict is refused)

        A flag beats its variable, which beats the file, which beats the profile.
        AUTH_TOKENS holds further API keys, separated by commas. What is wrong with
        the configuration is told in plain text, whatever the log format is.

        Examples:
          mcp-supervisor run
          mcp-supervisor run --port 9000 -- python3 server.py
          mcp-supervisor run --config /etc/mcp-supervisor/config.json

        """

    private static let stdioText = """
        mcp-supervisor stdio [options] [-- command args…]

        Serves one local client on stdin and stdout, one JSON-RPC message a line,
        with the same servers and rules as run: the same as run --transport stdio.
        The default server answers. The log goes to stderr, nothing is listened on.

        At the end of stdin what was asked is still answered; then the workers stop
        and the exit status is 0. SIGTERM and SIGINT drain as with run.

        Options: those of run, without --listen, --host, --port and --transport.
        The addresses of the configuration are not used.

        Examples, as a client's configuration names a command:
          mcp-supervisor stdio
          mcp-supervisor stdio --config /etc/mcp-supervisor/config.json
          mcp-supervisor stdio -- python3 server.py

        """

    private static let checkConfigText = """
        mcp-supervisor check-config [FILE] [--profile NAME]

        Reads the configuration as run would, with the variables of the environment,
        and prints everything that is wrong with it at once, one finding a line:

          mcpServers.git.limits.memroy: unknown key; did you mean memory?

        FILE can also be given as --config FILE or MCP_SUPERVISOR_CONFIG. Without a
        file the defaults and the environment are checked. Exit 0, with warnings at
        most, or 78.

        """

    private static let keyText = """
        mcp-supervisor key create --group GROUP [--expires TIME] [--keys FILE]
        mcp-supervisor key list [--keys FILE]
        mcp-supervisor key revoke ID [--keys FILE]

        Manages the file of API keys. Only the SHA-256 of a key's secret is kept, so
        the token that create prints is shown this once. Clients send it as
        Authorization: Bearer msk_….

          --keys FILE      the key file; default: auth.keys of the configuration
          --config FILE    the configuration that names it
          --group GROUP    the group whose rules hold for the key's callers
          --expires TIME   from now, such as 12h or 90d; default: never

        A running supervisor reads the file when it starts.

        """
}
