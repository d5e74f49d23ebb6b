import Base
import Linux
import WorkerCore

/// Everything one call needs to run by itself: a connection to each database and buffers. One thread uses a lane at a time.
final class Lane {
    private let configuration: SQLConfiguration
    private let layers: Confinement
    /// How other threads reach the call that runs here.
    let control = LaneControl()
    /// Opened at the first call that needs them.
    private var sessions: [DatabaseSession?]
    private var writer: TableWriter
    /// The result object of the latest call.
    private(set) var result: [UInt8] = []
    private(set) var report = CallReport()

    init(_ configuration: SQLConfiguration, _ layers: Confinement = .all) {
        self.configuration = configuration
        self.layers = layers
        self.sessions = Array(repeating: nil, count: configuration.databases.count)
        self.writer = TableWriter(bytesMax: configuration.limits.resultBytesMax)
    }

    /// The time of the next call starts. From here on `control` speaks of that call, also to threads that want to stop it.
    func begin() { self.control.begin(deadline: SystemClock.now() + self.configuration.limits.queryTime) }

    /// Runs one call to its end, after `begin`; the answer is in `result` and `report`.
    func run(_ call: ToolCall) {
        self.result.removeAll(keepingCapacity: self.result.capacity <= 1 << 16)
        self.report = CallReport()
        do throws(ToolFailure) {
            try self.answer(call)
        } catch {
            self.report.failure = error
            self.result.removeAll(keepingCapacity: true)
            ResultObject.append(error, call.style, to: &self.result)
        }
        SQLiteLibrary.releasePeak()
    }

    /// Ends the read transactions that `run` leaves open for the next call. Must be called before the lane's thread waits.
    func endReads() {
        for session in self.sessions { session?.endRead() }
    }

    private func answer(_ call: ToolCall) throws(ToolFailure) {
        let database = self.configuration.databases[call.database]
        let session = try self.session(call.database)
        try session.beginRead()
        switch call.tool {
        case .listDatabases:
            CatalogueResult.appendDatabases(self.configuration.databases.map(\.name), call.style, to: &self.result)
        case .listViews:
            CatalogueResult.appendViews(
                session.catalogue.objects, database: database.name, bytesMax: self.configuration.limits.resultBytesMax,
                call.style,
                to: &self.result)
        case .describeView:
            let index = try self.find(call.viewName, session.catalogue)
            let view = session.catalogue.objects[index]
            guard !view.columns.isEmpty else { throw .brokenView(name: view.name) }
            CatalogueResult.appendDescription(view, database: database.name, call.style, to: &self.result)
        case .queryView:
            let index = try self.find(call.viewName, session.catalogue)
            try self.appendRows(try session.query(view: index), session, call)
        case .executeQuery: try self.appendRows(try session.query(text: call.query), session, call)
        }
    }

    private func find(_ name: [UInt8], _ catalogue: Catalogue) throws(ToolFailure) -> Int {
        if let index = catalogue.find(name) { return index }
        throw .unknownView(name: Array(name.prefix(128)), near: NearNames.find(name, among: catalogue.names))
    }

    private func appendRows(_ query: PreparedQuery, _ session: DatabaseSession, _ call: ToolCall) throws(ToolFailure) {
        self.writer.begin(query.header, call.style)
        let end = try session.run(query, limit: call.limit, into: &self.writer)
        if end == .size, self.writer.rowCount == 0 { throw .rowTooLarge(bytesMax: self.configuration.limits.resultBytesMax) }
        self.report.rows = self.writer.rowCount
        self.writer.finish(query.header, end, to: &self.result)
    }

    private func session(_ index: Int) throws(ToolFailure) -> DatabaseSession {
        if let session = self.sessions[index] { return session }
        do throws(SQLiteError) {
            let session = try DatabaseSession(
                self.configuration.databases[index], self.configuration, self.layers, self.control)
            self.sessions[index] = session
            return session
        } catch {
            // The caller learns that it is away, not where it should be.
            throw FailureMapping.opening(error)
        }
    }
}
