import Base
import Linux
import WorkerCore

/// What must stay reachable to read some SQLite databases, found out while everything still is.
struct DatabaseFiles {
    private(set) var reading: [String] = []
    /// The shared memory of databases in WAL mode, through which readers and writers see each other.
    private(set) var writing: [String] = []
    /// Keep the two extra files of a database in WAL mode from being removed and made anew, which could not be opened then.
    private var holders: [SQLiteConnection] = []

    init(_ databases: [DatabaseConfiguration]) {
        for database in databases { self.add(database) }
    }

    private mutating func add(_ database: DatabaseConfiguration) {
        let path = String(decoding: database.path, as: UTF8.self)
        self.reading.append(path)
        // A file that is not there yet may come later.
        guard let header = Self.header(path) else { return self.reading.append(Self.directory(path)) }
        // File format 1.3: both version numbers are 2 in WAL mode.
        guard header.count >= 20, header[18] == 2, header[19] == 2 else { return }
        self.reading.append(path + "-wal")
        self.writing.append(path + "-shm")
        let holder = try? SQLiteConnection(path: database.path, layers: .all, control: LaneControl())
        if let holder, (try? holder.run("PRAGMA schema_version")) != nil { self.holders.append(holder) }
    }

    /// The first bytes of the file, or nil when it cannot be read.
    private static func header(_ path: String) -> [UInt8]? {
        guard let file = try? Files.open(path, .read) else { return nil }
        var block = [UInt8](repeating: 0, count: 100)
        var span = block.mutableSpan
        let transfer = try? file.descriptor.read(into: &span)
        file.close()
        switch transfer {
        case .moved(let count)?: return Array(block[..<count])
        case .ended?: return []
        case .wouldBlock?, nil: return nil
        }
    }

    private static func directory(_ path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: 0x2F), slash != path.utf8.startIndex else { return "/" }
        return String(path[..<slash])
    }
}
