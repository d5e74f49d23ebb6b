import Base
import Linux
import MCP
import SupervisorCore
import Wire

/// The file in the state directory that keeps what was found out of servers' eras, so that a server that keeps silent when it is
/// probed costs its clients that time once and not at every start.
///
/// An entry is for one command with its arguments, environment and directory, and for one version of its program: size, time of
/// change and inode of the program's file and of the files that its arguments name, such as a script. Of all that only a digest is
/// written, since environments hold secrets. Whatever cannot be read is as good as nothing: the server is probed.
struct EraMemory: Sendable {
    /// In the order in which they are tried.
    private let directories: [String]

    init(_ configuration: Configuration) { self.directories = configuration.directories.state }

    private static let name = "eras.json"
    private static let fileBytesMax = 1 << 20
    private static let entriesMax = 512
    /// Arguments whose files count.
    private static let argumentFilesMax = 16

    func remembered(_ server: ServerConfiguration, wallSeconds: Int64) -> RememberedEra? {
        guard let key = Self.key(server) else { return nil }
        for directory in self.directories {
            if let entry = Self.read(directory, wallSeconds).first(where: { $0.key == key }) { return entry.value }
        }
        return nil
    }

    /// Writes the entry, or removes it. Two supervisors that write at once may lose one entry, never the file.
    func remember(_ server: ServerConfiguration, _ era: RememberedEra?, wallSeconds: Int64) throws(SystemError) {
        guard let key = Self.key(server) else { return }
        var failure: SystemError?
        for directory in self.directories {
            do throws(SystemError) {
                try Files.makeDirectories(directory)
                try Files.check(directory, .write)
                return try Self.write(directory, key, era, wallSeconds)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    private static func write(
        _ directory: String, _ key: String, _ era: RememberedEra?, _ wallSeconds: Int64
    ) throws(SystemError) {
        var entries = Self.read(directory, wallSeconds).filter { $0.key != key }
        if era == nil, entries.isEmpty, (try? Files.status("\(directory)/\(Self.name)")) == nil { return }
        if let era { entries.append((key, era)) }
        if entries.count > Self.entriesMax { entries.removeFirst(entries.count - Self.entriesMax) }
        let object = JSONValue.object(
            entries.map { entry in
                let value: JSONValue = [
                    "era": .string(entry.value.era == .modern ? "modern" : "legacy"), "until": .integer(entry.value.until),
                ]
                return JSONValue.Member(entry.key, value)
            })
        try Files.writeAtomically("\(directory)/\(Self.name)", (object.serialized + [0x0A]).span)
    }

    /// The entries that have not expired, oldest first.
    private static func read(_ directory: String, _ wallSeconds: Int64) -> [(key: String, value: RememberedEra)] {
        guard let file = try? Files.read("\(directory)/\(Self.name)", limit: Self.fileBytesMax), !file.status.isWritableByOthers,
            file.status.uid == Processes.userID,
            let members = (try? JSONValue.parse(file.bytes.span))?.objectValue
        else { return [] }
        return members.compactMap { member in
            guard let until = member.value["until"]?.int64Value, until > wallSeconds else { return nil }
            switch member.value["era"]?.stringValue {
            case "legacy": return (member.key, RememberedEra(era: .legacy, until: until))
            case "modern": return (member.key, RememberedEra(era: .modern, until: until))
            default: return nil
            }
        }
    }

    /// Nil for a server that is not asked.
    private static func key(_ server: ServerConfiguration) -> String? {
        guard server.era == .auto, case .command(let command) = server.kind else { return nil }
        var bytes: [UInt8] = []
        func add(_ text: String) {
            bytes.append(decimal: UInt64(text.utf8.count))
            bytes.append(0x3A)
            bytes.append(contentsOf: text.utf8)
        }
        func add(_ file: FileStatus?) {
            add(file.map { "\($0.device) \($0.inode) \($0.size) \($0.modified)" } ?? "none")
        }
        add(command.command)
        add(command.directory ?? "")
        for argument in command.arguments { add(argument) }
        for variable in command.environment {
            add(variable.name)
            add(variable.value)
        }
        add(
            Programs.file(command).flatMap { path in
                // Of a link, the file that it leads to.
                guard let file = try? Files.open(path, .read) else { return nil }
                return try? file.descriptor.status()
            })
        for argument in command.arguments.prefix(Self.argumentFilesMax) where !argument.hasPrefix("-") {
            let path = argument.hasPrefix("/") ? argument : command.directory.map { "\($0)/\(argument)" } ?? argument
            if let status = try? Files.status(path), status.kind == .regular { add(status) }
        }
        return Digest.functions.sha256(bytes.span).hex
    }
}
