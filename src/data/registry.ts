/**
 * The datasets that are known by name: their mirrors and checksums. Origin and licences are in data/README.md.
 */

/** A place that serves all files of a dataset under their names. */
export interface Mirror {
  /** Ends with a slash. */
  readonly url: string;
  /** Whether pages of other origins may read it (Access-Control-Allow-Origin). */
  readonly cors: boolean;
}

/** SHA-256 in hex, of a file's compressed bytes, its contents, or both; either one suffices. */
export interface Checksums {
  /** Bytes of the contents, if known: more are neither received nor decompressed. */
  readonly bytes?: number;
  readonly gzip?: string;
  readonly contents?: string;
}

export const PARTS = ["trainImages", "trainLabels", "testImages", "testLabels"] as const;
export type Part = (typeof PARTS)[number];

export interface NamedDataset {
  readonly mirrors: readonly Mirror[];
  readonly checksums: Readonly<Record<Part, Checksums>>;
}

/** All named datasets use MNIST's file names. */
export const FILE_NAMES: Readonly<Record<Part, string>> = {
  trainImages: "train-images-idx3-ubyte.gz",
  trainLabels: "train-labels-idx1-ubyte.gz",
  testImages: "t10k-images-idx3-ubyte.gz",
  testLabels: "t10k-labels-idx1-ubyte.gz",
};

/** Of the contents, in bytes. All named datasets have MNIST's. */
const BYTES: Readonly<Record<Part, number>> = {
  trainImages: 16 + 60_000 * 28 * 28,
  trainLabels: 8 + 60_000,
  testImages: 16 + 10_000 * 28 * 28,
  testLabels: 8 + 10_000,
};

export const NAMED_DATASETS = {
  mnist: {
    mirrors: [
      { url: "https://storage.googleapis.com/cvdf-datasets/mnist/", cors: false },
      { url: "https://ossci-datasets.s3.amazonaws.com/mnist/", cors: false },
      { url: "https://raw.githubusercontent.com/fgnt/mnist/master/", cors: true },
    ],
    // Also of the contents, because copies may be compressed anew. The compressed sums are the mirrors', from
    // tensorflow/datasets (url_checksums/mnist.txt) and pytorch/vision (prototype/datasets/_builtin/mnist.py).
    checksums: {
      trainImages: {
        bytes: BYTES.trainImages,
        gzip: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        contents: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
      },
      trainLabels: {
        bytes: BYTES.trainLabels,
        gzip: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        contents: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
      },
      testImages: {
        bytes: BYTES.testImages,
        gzip: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        contents: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
      },
      testLabels: {
        bytes: BYTES.testLabels,
        gzip: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        contents: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
      },
    },
  },
  "fashion-mnist": {
    mirrors: [
      { url: "https://fashion-mnist.s3.eu-central-1.amazonaws.com/", cors: false },
      {
        url: "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        cors: true,
      },
    ],
    // From tensorflow/datasets (url_checksums/fashion_mnist.txt) and, the same, pytorch/vision
    // (prototype/datasets/_builtin/mnist.py).
    checksums: {
      trainImages: {
        bytes: BYTES.trainImages,
        gzip: "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
      },
      trainLabels: {
        bytes: BYTES.trainLabels,
        gzip: "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
      },
      testImages: {
        bytes: BYTES.testImages,
        gzip: "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
      },
      testLabels: {
        bytes: BYTES.testLabels,
        gzip: "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
      },
    },
  },
} as const satisfies Record<string, NamedDataset>;

/** A dataset whose files can be downloaded. */
export type DownloadableName = keyof typeof NAMED_DATASETS;

export function isDownloadable(name: string): name is DownloadableName {
  return Object.hasOwn(NAMED_DATASETS, name);
}
