enum WorkerEdgePlaceholder {}
