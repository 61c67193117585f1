/* Classifies an image file by TensorFlow's C API:
     classify SAVED_MODEL INPUT CLASS_INDEX CLASS_NAME PROBABILITIES FILE...
   INPUT and the others are names of operations with their output, as saved_model_cli shows them.
   Prints a line a file: the index, the name and its probability, or TensorFlow's message. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensorflow/c/c_api.h"

static TF_Status *status;

static void check(void) {
  if (TF_GetCode(status) != TF_OK) {
    fprintf(stderr, "%s\n", TF_Message(status));
    exit(1);
  }
}

static TF_Output output(TF_Graph *graph, const char *text) { /* NAME:NUMBER */
  char name[500];
  const char *colon = strrchr(text, ':');
  snprintf(name, sizeof name, "%.*s", (int)(colon - text), text);
  TF_Output found = {TF_GraphOperationByName(graph, name), atoi(colon + 1)};
  if (!found.oper) {
    fprintf(stderr, "no operation %s\n", name);
    exit(1);
  }
  return found;
}

static TF_Tensor *batch_of_file(const char *path) { /* string [1] */
  static char bytes[1 << 20];
  FILE *file = fopen(path, "rb");
  size_t length = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  int64_t one = 1;
  TF_Tensor *tensor = TF_AllocateTensor(TF_STRING, &one, 1, sizeof(TF_TString));
  TF_TString *text = TF_TensorData(tensor);
  TF_StringInit(text);
  TF_StringCopy(text, bytes, length);
  return tensor;
}

static void classify(TF_Session *session, TF_Output input, const TF_Output *outputs,
                     const char *path) {
  TF_Tensor *image = batch_of_file(path), *answers[3] = {NULL, NULL, NULL};
  TF_SessionRun(session, NULL, &input, &image, 1, outputs, answers, 3, NULL, 0, NULL, status);
  TF_DeleteTensor(image);
  if (TF_GetCode(status) != TF_OK) {
    printf("%.*s\n", (int)strcspn(TF_Message(status), "\n"), TF_Message(status));
    return;
  }
  int64_t index = *(int64_t *)TF_TensorData(answers[0]);
  TF_TString *name = TF_TensorData(answers[1]);
  printf("%d %.*s %.6f\n", (int)index, (int)TF_StringGetSize(name), TF_StringGetDataPointer(name),
         ((float *)TF_TensorData(answers[2]))[index]);
  for (int i = 0; i < 3; i++) TF_DeleteTensor(answers[i]);
}

int main(int argc, char **argv) {
  status = TF_NewStatus();
  const char *tags[] = {"serve"};
  TF_Graph *graph = TF_NewGraph();
  TF_SessionOptions *options = TF_NewSessionOptions();
  TF_Session *session =
      TF_LoadSessionFromSavedModel(options, NULL, argv[1], tags, 1, graph, NULL, status);
  check();
  TF_Output input = output(graph, argv[2]), outputs[3];
  for (int i = 0; i < 3; i++) outputs[i] = output(graph, argv[3 + i]);
  for (int i = 6; i < argc; i++) classify(session, input, outputs, argv[i]);
  TF_CloseSession(session, status);
  return 0;
}
