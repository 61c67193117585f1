"""What a network sees: maps, projections, filters, tables and diagrams, for any Keras classifier.

    graph.py            a model as the list of its calls, wrapped models opened
    activation_maps.py  Grad-CAM, Grad-CAM++, feature maps
    gradients.py        integrated gradients, SmoothGrad
    occlusion.py        what a class loses where a part is covered
    deconvnet.py        what in an image caused a channel's strongest activations
    receptive_field.py  which pixels a place of a map sees
    filters.py          kernels of a first layer, kernels by hand
    table.py            a network as the table of its layers, with memory, parameters, operations
    diagram.py          a network as blocks, on one page
    charts.py           where the cost of a network lies; all networks of the zoo
    folder.py           a folder of pictures for a batch of images
    pictures.py         arrays as pictures with a colour bar, and sheets of them

Functions take a keras.Model and images as it takes them, and return NumPy arrays. Images are
channels-last.
"""

from zoo.explain.activation_maps import feature_maps, grad_cam, grad_cam_plus_plus
from zoo.explain.deconvnet import Strongest, deconvnet, strongest
from zoo.explain.filters import filter_lesson, first_layer_filters
from zoo.explain.gradients import integrated_gradients, smooth_grad
from zoo.explain.occlusion import occlusion

__all__ = [
    "Strongest",
    "deconvnet",
    "feature_maps",
    "filter_lesson",
    "first_layer_filters",
    "grad_cam",
    "grad_cam_plus_plus",
    "integrated_gradients",
    "occlusion",
    "smooth_grad",
    "strongest",
]
